"""What the models that draw one pixel after the other share: a likelihood of one pixel, an order, and the image."""

from __future__ import annotations

__all__ = ["InOrder", "PixelsInOrder"]

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor

from ppgen import nets
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive, Order, conditionals, orders


class InOrder(Model):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels counted in the order of their drawing.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact, whatever the order. A model derived from this one
    declares x, by ``in_order``, and makes ``self.network``, causal, for images of ``self.scanned_shape`` with
    ``self.num_parameters`` a pixel: it is handed images laid out in their order, so that it never knows of it.

    An order matters where a part of an image is given: ``fit.complete`` needs what is given to be drawn first, such as
    the lower half of it by ``order="bottom-up"``.

    Args:
        x_shape: ``(channels, height, width)``, or ``(length,)`` for a network that takes vectors.
        likelihood: of one pixel; None for a Bernoulli.
        order: of the pixels: a name of ``ppgen.distributions.orders.named``, or an order.
    """

    network: Any

    def __init__(self, x_shape: Sequence[int], likelihood: nets.Likelihood | None, order: str | Order) -> None:
        super().__init__()
        self.x_shape, channels = tuple(x_shape), tuple(x_shape[:-2])
        self.likelihood = likelihood or nets.BernoulliLikelihood(channels or (1,))
        self.num_parameters = prod(self.likelihood.shape[:1])
        self.order = orders.named(order, self.x_shape[-2:])
        self.scanned_shape = (*channels, *self.order.scanned)

    def in_order(self, context: Tensor | None = None) -> Autoregressive:
        """The network as a distribution.

        Args:
            context: what it is told, ``[batch, context_dim]``.
        """
        family = conditionals.OfPixel(self.likelihood)
        return Autoregressive(self.network, self.x_shape, context, family, self.order)


class PixelsInOrder(InOrder):
    """The same, told nothing: the page of a network over images."""

    @observed
    def x(self) -> Autoregressive:
        """The image: the network itself is the distribution."""
        return self.in_order()
