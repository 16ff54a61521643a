"""Any autoregressive network, told something: a label, attributes, a vector, another image."""

from __future__ import annotations

__all__ = ["ConditionalAutoregressive"]

from collections.abc import Sequence

from torch import Tensor

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import observed
from ppgen.distributions import Autoregressive, Order
from ppgen.models.pixels_in_order import InOrder


class ConditionalAutoregressive(InOrder):
    """x_i | y, x_0 .. x_{i-1} ~ likelihood(network(x, context(y))_i), positions in the order of their drawing, y given.

    ``log p(x | y) = sum_i log p(x_i | y, x_0 .. x_{i-1})`` is exact. Every causal network reads a context, so one model
    makes each of them conditional: ``context(y)`` is a one-hot vector of a class label, and the numbers themselves of
    anything else: attributes, a vector, another image.

    Reference: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``, or ``(length,)`` of a vector.
        network: over such data, laid out in their order, whose ``context_dim`` is the number of classes, or how many
            numbers y has.
        likelihood: of one position, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the positions, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> import torch
        >>> model = ConditionalAutoregressive((1, 8, 8), nets.RowLSTM((1, 8, 8), 8, context_dim=10))
        >>> model({"y": torch.tensor([3, 3, 7])})["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        network: nets.CausalImageNetwork | nets.CausalVectorNetwork,
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
    ) -> None:
        super().__init__(x_shape, likelihood, order)
        self.network = network

    @observed
    def x(self, y: Tensor) -> Autoregressive:
        """The datum: the network, told y, is the distribution."""
        return self.in_order(self.read(y))

    def read(self, y: Tensor) -> Tensor:
        """What the network is told, ``[batch, context_dim]``.

        Args:
            y: labels ``[batch]`` of whole numbers; or numbers ``[batch, *shape]``, taken as they are.

        Raises:
            DataError: more or fewer numbers than the network was made for.
        """
        return nets.as_context(y, self.network.context_dim).to(next(self.network.parameters()).dtype)
