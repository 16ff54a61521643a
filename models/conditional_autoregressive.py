"""Any autoregressive network, told something: a label, attributes, a vector, another image."""

from __future__ import annotations

__all__ = ["ConditionalAutoregressive"]

from collections.abc import Sequence
from math import prod

from torch import Tensor

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import observed
from ppgen.distributions import Autoregressive, Ensemble, Order, conditionals
from ppgen.errors import DataError, SettingError
from ppgen.models.pixels_in_order import InOrder


class ConditionalAutoregressive(InOrder):
    """x_i | y, x_0 .. x_{i-1} ~ likelihood(network(x, context(y))_i), positions in the order of their drawing, y given.

    ``log p(x | y) = sum_i log p(x_i | y, x_0 .. x_{i-1})`` is exact. Every causal network reads a context, so one model
    makes each of them conditional: ``context(y)`` is a one-hot vector of a class label, and the numbers themselves of
    anything else: attributes, a vector, another image. What holds without y holds for each y: a MADE of several sets of
    masks is their mixture, and the density of tokens is that of a given length.

    Reference: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Covariates:
        y: what it is told, ``[batch]`` of labels or ``[batch, *shape]`` of numbers.
        x_lengths: ``[batch]``, how many positions of each datum are its own; left out where all are.

    Args:
        x_shape: ``(channels, height, width)``, or ``(length,)`` of a vector or of tokens.
        network: over such data, laid out in their order, whose ``context_dim`` is the number of classes, or how many
            numbers y has.
        likelihood: of one position, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli, of
            tokens always a softmax.
        order: of the positions, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``; that of
            a network with an order of its own is the network's.
        num_components: of a mixture of normals for each value, which real numbers take; 0 for a likelihood.

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
        network: nets.CausalImageNetwork | nets.CausalVectorNetwork | nets.CausalTokenNetwork | nets.InBlocks,
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
        num_components: int = 0,
    ) -> None:
        super().__init__(x_shape, likelihood, order, num_components)
        self.network = network
        if isinstance(network, nets.CausalTokenNetwork):
            self.family = conditionals.Categorical(network.num_tokens)
        if isinstance(network, nets.MADE | nets.InBlocks) and order != "raster":
            raise SettingError(
                "ConditionalAutoregressive: the network has an order of its own",
                expected='order="raster", which leaves it as it is',
                got=f"order={order!r} beside a {type(network).__name__}",
                fix="nets.MADE(..., order=...) makes the network in another order; blocks are drawn in raster order",
            )

    @observed
    def x(self, y: Tensor, x_lengths: Tensor | None = None) -> Autoregressive | Ensemble:
        """The datum: the network, told y, is the distribution."""
        return self.in_order(self.read(y), x_lengths)

    def read(self, y: Tensor) -> Tensor:
        """What the network is told, ``[batch, context_dim]``.

        Args:
            y: labels ``[batch]`` of whole numbers; or numbers ``[batch, *shape]``, taken as they are.

        Raises:
            DataError: more or fewer numbers than the network was made for.
        """
        if not y.is_floating_point() and y.dim() < 2:
            return nets.one_hot(y, self.network.context_dim)
        told = prod(y.shape[1:])
        if told != self.network.context_dim:
            raise DataError(
                "what the model is told is of another size than its network was made for",
                expected=f"{self.network.context_dim} numbers a datum",
                got=f"{told}: y of shape {list(y.shape)}",
                fix=f"{type(self.network).__name__}(..., context_dim={told})",
                code="D105",
            )
        return y.reshape(len(y), told).to(next(self.network.parameters()).dtype)
