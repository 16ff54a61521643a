"""Normalizing flows of zuko, as networks that return a distribution."""

from __future__ import annotations

__all__ = ["Flow"]

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

from ppgen.distributions import FlowDistribution
from ppgen.errors import SettingError
from ppgen.nets.recorded import Recorded

_KINDS = ("MAF", "NSF", "NICE", "NAF")


class Flow(Recorded):
    """The distribution of ``f(u), u ~ Normal(0, I)``, f invertible, with learned weights and perhaps a context.

    Reference: G. Papamakarios, T. Pavlakou and I. Murray, "Masked autoregressive flow for density estimation", 2017
    (arXiv 1705.07057), the default; C. Durkan et al., "Neural spline flows", 2019 (arXiv 1906.04032).

    Args:
        dim: size of the event.
        context_dim: size of what the flow is conditioned on; 0 for nothing.
        kind: a family of ``zuko.flows``: ``"MAF"``, ``"NSF"``, ``"NICE"`` or ``"NAF"``.
        num_transforms: how many maps are stacked.
        hidden: widths of the networks inside.

    Shapes:
        context ``[*batch, context_dim]`` -> a distribution with batch shape ``[*batch]``, ``()`` without a context.

    Raises:
        SettingError: for another family.

    Example:
        >>> Flow(3)().expand([5]).rsample().shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        dim: int,
        context_dim: int = 0,
        kind: str = "MAF",
        num_transforms: int = 3,
        hidden: Sequence[int] = (64, 64),
    ) -> None:
        super().__init__()
        if kind not in _KINDS:
            raise SettingError("Flow: unknown kind", expected=", ".join(_KINDS), got=repr(kind), fix='kind="MAF"')
        make = getattr(_zuko().flows, kind)
        self.flow = make(dim, context_dim, transforms=num_transforms, hidden_features=tuple(hidden))

    def forward(self, context: Tensor | None = None) -> FlowDistribution:
        """The distribution, given the context if there is one."""
        return FlowDistribution(self.flow(context))


def _zuko() -> Any:
    """The package, imported late, and without the validation of all distributions being switched off for everyone."""
    before = Distribution._validate_args
    try:
        import zuko
    finally:
        Distribution.set_default_validate_args(before)
    return zuko
