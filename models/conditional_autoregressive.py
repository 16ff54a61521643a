"""Any autoregressive network, told something: a label, attributes, a vector, another image."""

from __future__ import annotations

__all__ = ["ConditionalAutoregressive"]

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import observed
from ppgen.distributions import Autoregressive, Ensemble, Order
from ppgen.errors import SettingError
from ppgen.models.pixels_in_order import InOrder


class ConditionalAutoregressive(InOrder):
    """x_i | y, x_0 .. x_{i-1} ~ likelihood(network(x, context(y))_i), positions in the order of their drawing, y given.

    ``log p(x | y) = sum_i log p(x_i | y, x_0 .. x_{i-1})`` is exact. Every causal network reads a context, so one model
    makes each of them conditional: ``context(y)`` is a one-hot vector of a class label, and the numbers themselves of
    anything else: attributes, a vector, another image. What holds without y holds for each y: a MADE of several sets of
    masks is their mixture. Words are read by a ``context`` of its own, ``nets.TextContext``.

    Reference: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``, or ``(length,)`` of a vector.
        network: over such data, laid out in their order, whose ``context_dim`` is the number of classes, or how many
            numbers y has.
        likelihood: of one position, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the positions, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``; that of
            a network with an order of its own is the network's.
        num_components: of a mixture of normals for each value, which real numbers take; 0 for a likelihood.
        context: a network from y to ``[batch, context_dim]``, such as ``nets.TextContext``; by default none.

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
        network: nets.CausalImageNetwork | nets.CausalVectorNetwork | nets.InBlocks,
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
        num_components: int = 0,
        context: nn.Module | None = None,
    ) -> None:
        super().__init__(x_shape, likelihood, order, num_components)
        self.network, self.context = network, context
        if isinstance(network, nets.MADE | nets.InBlocks) and order != "raster":
            raise SettingError(
                "ConditionalAutoregressive: the network has an order of its own",
                expected='order="raster", which leaves it as it is',
                got=f"order={order!r} beside a {type(network).__name__}",
                fix="nets.MADE(..., order=...) makes the network in another order; blocks are drawn in raster order",
                code="S222",
            )

    @observed
    def x(self, y: Tensor) -> Autoregressive | Ensemble:
        """The datum: the network, told y, is the distribution."""
        return self.in_order(told(self.network, self.context, y))


def told(network: Any, context: nn.Module | None, y: Tensor) -> Tensor:
    """What a network is told, ``[batch, context_dim]``.

    Args:
        network: with a context.
        context: reads y, if it is not ``None``.
        y: labels ``[batch]`` of whole numbers; or numbers ``[batch, *shape]``, taken as they are.

    Raises:
        DataError: more or fewer numbers than the network was made for.
    """
    y = y if context is None else context(y)
    return nets.as_context(y, network.context_dim).to(next(network.parameters()).dtype)
