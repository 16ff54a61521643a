"""The flow guide: a conditional normalizing flow for each latent, given the datum and the latents before it."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
from torch import Tensor, nn
from torch.distributions.transforms import ReshapeTransform

from ppgen.errors import SettingError
from ppgen.guides.derived import DerivedGuide, Latent
from ppgen.nets import Flow as FlowNetwork

__all__ = ["Flow"]

_FLOWS = ("MAF", "NSF", "NICE", "NAF")


class Flow(DerivedGuide):
    """``q(z_i | z_<i, x)``: a flow from zuko in free coordinates, whose context is the head's output.

    Masked autoregressive flows (Papamakarios, Pavlakou & Murray, 2017) by default, or neural spline flows (Durkan et
    al., 2019). Each latent has a flow of its own, whose context has read all latents before it, so that the joint is
    as flexible as one flow over all of them, and each site stays an ordinary Pyro distribution. Rates are sampled.

    Args:
        model: the declared model.
        flow: ``"MAF"``, ``"NSF"``, ``"NICE"`` or ``"NAF"``.
        transforms: how many are stacked.
        context: numbers that a head hands to its flow.
        encoder: a network of the user's: evidence [batch, ...] -> features [batch, F].
        width: features of the default encoder, and hidden width of heads and flows.
    """

    def __init__(
        self, model: Any, *, flow: str = "MAF", transforms: int = 3, context: int = 64, **settings: Any
    ) -> None:
        if flow not in _FLOWS:
            raise SettingError(
                f"Flow: unknown flow {flow!r}", expected=", ".join(_FLOWS), got=repr(flow), fix='flow="NSF"'
            )
        self.flow, self.transforms, self.context = flow, transforms, context
        super().__init__(model, **settings)

    def conditions(self, latent: Latent, before: list[Latent]) -> list[Latent]:
        return before

    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        return self.context

    def part(self, latent: Latent) -> nn.Module:
        hidden = (self._width, self._width)
        return FlowNetwork(latent.num_free, self.context, self.flow, self.transforms, hidden)

    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        free: Any = self.parts[latent.name](output)
        if latent.free_shape != (latent.num_free,):
            reshape = ReshapeTransform((latent.num_free,), latent.free_shape)
            free = dist.TransformedDistribution(free, [reshape])
        return latent.constrain(free)
