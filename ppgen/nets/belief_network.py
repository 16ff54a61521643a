"""The fully visible belief network: each position a generalised linear model of those before it."""

from __future__ import annotations

__all__ = ["FullyVisibleBeliefNetwork"]

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.checked import checked
from ppgen.nets.causal_vectors import CausalVectorNetwork


@dataclasses.dataclass
class LinearState:
    """What the network remembers on its way through data.

    Args:
        seen: what is drawn already, as it is read, ``[size, length * channels]``; zeros behind that.
        base: bias, and what the context adds to it, ``[length, size or 1, num_parameters]``.
        weights: of each position, ``[length, length * channels, num_parameters]``.
    """

    seen: Tensor
    base: Tensor
    weights: Tensor


class FullyVisibleBeliefNetwork(CausalVectorNetwork):
    """``parameters_i = b_i + sum_{j < i} W_ij x_j``: for bits, one logistic regression for each position.

    Nothing is hidden, so that its likelihood has one maximum; and nothing is shared, so that it needs
    ``length (length - 1) / 2`` weights. The mask multiplies the weights at each call and is never written into them.

    References: R. Neal, "Connectionist learning of belief networks", 1992; B. Frey, "Graphical models for machine
    learning and digital communication", 1998.

    Args:
        x_shape: ``(length,)`` of a vector, ``(channels, height, width)`` of an image.
        context_dim: size of a vector that every position is conditioned on; 0 for none.
        num_parameters: of each position.
        highest: the largest value, above 0, where values from 0 to it are read as -1 to 1; None for real numbers, which
            are read as they are.

    Shapes:
        x ``[*batch, *x_shape]``, context ``[*batch, context_dim]`` ->
        parameters ``[*batch, num_parameters, *positions]``

    Raises:
        SettingError: a shape that is neither a vector's nor an image's; numbers out of range; when called, data of
            another shape, or a context that is missing, too much or of another size.

    Example:
        >>> FullyVisibleBeliefNetwork((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
        >>> FullyVisibleBeliefNetwork((3,)).mask.int().tolist()
        [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    """

    mask: Tensor

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float | None = 1.0,
    ) -> None:
        super().__init__(x_shape, context_dim, num_parameters, highest)
        self.linear = nn.Linear(self.length * self.channels, self.num_parameters * self.length)
        self.context = nn.Linear(context_dim, self.linear.out_features, bias=False) if context_dim else None
        place = torch.arange(self.length)
        before = place.repeat_interleave(self.channels) < place.repeat(self.num_parameters).unsqueeze(1)
        self.register_buffer("mask", before, persistent=False)

    def _of_positions(self, x: Tensor, context: Tensor | None) -> Tensor:
        found = functional.linear(x, self.linear.weight * self.mask, self.linear.bias)
        if self.context is not None and context is not None:
            found = found + self.context(context)
        return found.unflatten(-1, (self.num_parameters, self.length))

    def start(self, size: int, context: Tensor | None = None) -> LinearState:
        """The state before the first position.

        Args:
            size: how many data are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit(self.x_shape, context)
        weight, bias = self.linear.weight, self.linear.bias.unsqueeze(0)
        if self.context is not None and context is not None:
            bias = bias + self.context(context)
        weights = weight.unflatten(0, (self.num_parameters, self.length)).permute(1, 2, 0).contiguous()
        base = bias.unflatten(-1, (self.num_parameters, self.length)).permute(2, 0, 1).contiguous()
        return LinearState(weight.new_zeros(size, self.length * self.channels), base, weights)

    def step(self, state: LinearState, previous: Tensor, position: int) -> tuple[Tensor, LinearState]:
        """The parameters ``[size, num_parameters]`` of the next position, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the position before this one; not read at position 0.
            position: 0, 1, 2 ... in the order of drawing.
        """
        known = position * self.channels
        if position > 0:
            state.seen[:, known - self.channels : known] = self._read(previous)
        return torch.addmm(state.base[position], state.seen[:, :known], state.weights[position, :known]), state
