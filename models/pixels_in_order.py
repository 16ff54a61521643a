"""What the models that draw one pixel after the other share: a likelihood of one pixel, an order, and the image."""

from __future__ import annotations

__all__ = ["InOrder", "PixelsInOrder"]

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from ppgen import nets
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive, Ensemble, Order, conditionals, orders


class InOrder(Model):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels counted in the order of their drawing.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact, whatever the order. A model derived from this one
    declares x, by ``in_order``, and makes ``self.network``, causal, for images of ``self.scanned_shape`` with
    ``self.num_parameters`` a pixel: it is handed images laid out in their order, so that it never knows of it.

    An order matters where a part of an image is given: ``fit.complete`` needs what is given to be drawn first, such as
    the lower half of it by ``order="bottom-up"``. A network may have an order of its own, as that over blocks has, or
    several, as a MADE has; then each makes a model, and x is from their mixture.

    Args:
        x_shape: ``(channels, height, width)``, or ``(length,)`` for a network that takes vectors.
        likelihood: of one pixel; None for a Bernoulli.
        order: of the pixels: a name of ``ppgen.distributions.orders.named``, or an order; not looked at where the
            network has orders of its own.
        num_components: of a mixture of normals for each value, which real numbers take; 0 for a likelihood.
    """

    network: Any

    def __init__(
        self,
        x_shape: Sequence[int],
        likelihood: nets.Likelihood | None,
        order: str | Order = "raster",
        num_components: int = 0,
    ) -> None:
        super().__init__()
        self.x_shape, channels = tuple(x_shape), tuple(x_shape[:-2])
        self.likelihood = likelihood or nets.BernoulliLikelihood(channels or (1,))
        self.family: conditionals.Conditional = conditionals.OfPixel(self.likelihood)
        if num_components:
            self.family = conditionals.NormalMixture(num_components)
        self.num_parameters = self.family.num_parameters(prod(channels))
        self.order = orders.named(order, self.x_shape[-2:])
        self.scanned_shape = (*channels, *self.order.scanned)

    def in_order(self, context: Tensor | None = None) -> Autoregressive | Ensemble:
        """The network as a distribution; of several orders, one at random in training, else their mixture.

        Args:
            context: what it is told, ``[batch, context_dim]``.
        """
        members = [
            Autoregressive(each, self.x_shape, context, self.family, getattr(each, "order", self.order))
            for each in getattr(self.network, "members", [self.network])
        ]
        if len(members) == 1:
            return members[0]
        return members[int(torch.randint(len(members), ()))] if self.training else Ensemble(members)


class PixelsInOrder(InOrder):
    """The same, told nothing: the page of a network over images."""

    @observed
    def x(self) -> Autoregressive | Ensemble:
        """The image: the network itself is the distribution."""
        return self.in_order()
