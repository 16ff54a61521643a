"""Normalizing flows of zuko: networks that return a distribution over vectors."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from ppgen.arguments import Recorded, one_of
from ppgen.checked import checked

__all__ = ["FLOWS", "Flow", "FlowDistribution", "zuko_flow"]

FLOWS = ("MAF", "NSF", "NICE", "NAF")
"""The constructors of zuko that a command line or a run folder may name."""


class FlowDistribution(TorchDistribution):
    """What a flow of zuko returns, with what Pyro and a derived guide ask of it: a support, and draws in a plate.

    ``log p(z) = log base(f(z)) + log |det df/dz|``

    Pyro's own ``ZukoToPyro`` says nothing of its support, without which no guide can be derived for the site.

    Args:
        flow: a distribution over vectors, as the flows of zuko return; ``ppgen.nets.Flow`` makes both.

    Shapes:
        batch_shape and event_shape are the flow's.

    Example:
        >>> from ppgen.nets import Flow
        >>> FlowDistribution(Flow(3).flow()).expand([5]).rsample().shape
        torch.Size([5, 3])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support: Any = constraints.real_vector
    has_rsample = True

    def __init__(self, flow: Any, validate_args: bool | None = None) -> None:
        self.flow = flow
        super().__init__(flow.batch_shape, flow.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> FlowDistribution:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        new = copy.copy(self)
        new._batch_shape = torch.Size(batch_shape)
        new.flow = self.flow.expand(new._batch_shape)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-densities ``[*shape]`` in nats, of values ``[*shape, dim]``."""
        if self._validate_args:
            self._validate_sample(value)
        return self.flow.log_prob(value)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape, dim]``."""
        return self.flow.rsample(torch.Size(sample_shape))


class Flow(Recorded):
    """The distribution of ``f(u), u ~ Normal(0, I)``, f invertible, with learned weights and perhaps a context.

    Reference: G. Papamakarios, T. Pavlakou and I. Murray, "Masked autoregressive flow for density estimation", 2017
    (arXiv 1705.07057), the default; C. Durkan et al., "Neural spline flows", 2019 (arXiv 1906.04032).

    Args:
        dim: size of the event.
        context_dim: size of what the flow is conditioned on; 0 for nothing.
        make: a constructor of zuko, such as ``zuko.flows.NSF``, called with ``(dim, context_dim, transforms=...,
            hidden_features=...)``; by default ``zuko.flows.MAF``.
        num_transforms: how many maps are stacked.
        hidden: widths of the networks inside.

    Shapes:
        context ``[*batch, context_dim]`` -> a distribution with batch shape ``[*batch]``, ``()`` without a context.

    Raises:
        SettingError: if ``make`` cannot be called, as the name of a flow cannot.

    Example:
        >>> Flow(3)().expand([5]).rsample().shape
        torch.Size([5, 3])
    """

    @checked
    def __init__(
        self,
        dim: int,
        context_dim: int = 0,
        make: Callable[..., nn.Module] | None = None,
        num_transforms: int = 3,
        hidden: Sequence[int] = (64, 64),
    ) -> None:
        super().__init__()
        if make is None:
            make = zuko_flow("MAF")
        self.flow = make(dim, context_dim, transforms=num_transforms, hidden_features=tuple(hidden))

    def forward(self, context: Tensor | None = None) -> FlowDistribution:
        """The distribution, given the context ``[*batch, context_dim]`` if there is one."""
        return FlowDistribution(self.flow(context))


def zuko_flow(name: str) -> type[nn.Module]:
    """A constructor of zuko by its name.

    zuko is imported here, when it is first needed; that switches off the validation of all distributions of the
    process, which is set back.

    Raises:
        SettingError: if it is none of :data:`FLOWS`.
    """
    one_of("Flow: flow", name, FLOWS)
    before = Distribution._validate_args
    try:
        return getattr(importlib.import_module("zuko.flows"), name)
    finally:
        Distribution.set_default_validate_args(before)
