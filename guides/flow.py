"""The flow guide: a conditional normalizing flow for each latent, given the datum and the latents before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
from torch import Tensor, nn
from torch.distributions.transforms import AffineTransform

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.guides.derived import DerivedGuide, Latent
from ppgen.guides.networks import near_zero, positive, shaped
from ppgen.nets import Flow as FlowNetwork
from ppgen.nets.flow import zuko_flow

__all__ = ["Flow"]


class Flow(DerivedGuide):
    """``q(z_i | z_<i, x)``: ``mu + sigma * f(eps; c)`` in free coordinates, f a flow of zuko, the rest from the head.

    Masked autoregressive flows (Papamakarios, Pavlakou & Murray, 2017) by default, or neural spline flows (Durkan et
    al., 2019). Each latent has a flow of its own, whose context has read all latents before it, so that the joint is
    as flexible as one flow over all of them, and each site stays an ordinary Pyro distribution. The flow starts near
    the identity, and the guide as a mean-field one. Rates are sampled. A uniform prior is standard normal in the free
    coordinates, so that a flow can reach the edges of a box.

    Args:
        model: the declared model.
        flow: a constructor of zuko, such as ``zuko.flows.NSF``, or its name as a command line gives it: ``"MAF"``,
            ``"NSF"``, ``"NICE"`` or ``"NAF"``.
        transforms: how many are stacked.
        context: numbers that a head hands to its flow.
        encoder: a network of the user's: x [batch, ...] -> features [batch, F].
        width: features of the default encoder, and hidden width of heads and flows.
    """

    normal_boxes = True

    @checked
    def __init__(
        self,
        model: Any,
        *,
        flow: str | Callable[..., nn.Module] = "MAF",
        transforms: int = 3,
        context: int = 64,
        **settings: Any,
    ) -> None:
        self.flow = zuko_flow(flow) if isinstance(flow, str) else flow
        self.transforms, self.context = whole_number("Flow: transforms", transforms), context
        super().__init__(model, **settings)

    def conditions(self, latent: Latent, before: list[Latent]) -> list[Latent]:
        return before

    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        return 2 * latent.num_free + self.context

    def part(self, latent: Latent) -> nn.Module:
        hidden = (self._width, self._width)
        return _near_identity(FlowNetwork(latent.num_free, self.context, self.flow, self.transforms, hidden))

    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        n = latent.num_free
        loc, raw, context = output.split([n, n, self.context], -1)
        loc, scale = self.placed(latent, loc, positive(raw))
        here = AffineTransform(loc, scale, event_dim=1)
        free: Any = dist.TransformedDistribution(self.parts[latent.name](context), [here])
        return latent.constrain(shaped(free, latent.unconstrained_shape))


def _near_identity(network: nn.Module) -> nn.Module:
    """The flow with its last layers near 0, so that it starts near the standard normal, as every guide does."""
    for name, module in network.named_modules():
        last = module[-1] if isinstance(module, nn.Sequential) else None
        if name.endswith("hyper") and isinstance(last, nn.Linear):
            near_zero(last)
    return network
