"""Blocks of binary pixels drawn together: a causal network over fewer and richer positions."""

from __future__ import annotations

__all__ = ["InBlocks"]

import dataclasses
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.distributions import Order, orders
from ppgen.errors import SettingError
from ppgen.nets.causal_images import CausalImageNetwork

_MOST = 8  # pixels of a block: the patterns of 8 are 256


@dataclasses.dataclass
class BlockState:
    """Where a walk through blocks stands.

    Args:
        inner: the state of the network over blocks.
        drawn: the pixels of the present block, or of the one that is full, ``[size, block]``.
        patterns: log-probabilities of the patterns that are still possible, the next pixel first in the index,
            ``[size, patterns]``.
    """

    inner: Any
    drawn: Tensor
    patterns: Tensor


class InBlocks(Recorded):
    """The logits of binary pixels, block by block, from a network that sees a block as one position.

    A network over an image of ``block`` channels gives each block a softmax over its ``2 ** b`` patterns, b the number
    of its pixels, given the blocks before it. That is any distribution of the block at all, and its chain rule is

    ``logit p(x_j = 1 | x_1 .. x_{j-1}, earlier blocks) = log sum_{s: s_j = 1} e_s - log sum_{s: s_j = 0} e_s``

    with both sums over the patterns s that agree with ``x_1 .. x_{j-1}``. So pixels are drawn one at a time and scored
    one at a time, as those of any autoregressive network are, while convolutions run over a fourth of the positions
    (for blocks of 2 x 2) and see twice as far.

    It reads pixels in its own ``order``, which is ``ppgen.distributions.orders.blocks(x_shape[1:], block)``.

    Args:
        network: over images ``[b, height / block height, width / block width]``, with ``2 ** b`` parameters.
        block: ``(height, width)`` of a block, of at most 8 pixels.

    Shapes:
        x ``[*batch, 1, num_pixels]``, context ``[*batch, context_dim]`` -> logits ``[*batch, 1, num_pixels]``

    Raises:
        SettingError: a network whose channels or parameters are not those of such blocks.

    Example:
        >>> import torch
        >>> from ppgen.nets import GatedPixelCNN
        >>> network = InBlocks(GatedPixelCNN((4, 2, 2), hidden=4, num_layers=1, num_parameters=16), (2, 2))
        >>> network(torch.zeros(5, 1, 16)).shape
        torch.Size([5, 1, 16])
    """

    @checked
    def __init__(self, network: CausalImageNetwork, block: Sequence[int] = (2, 2)) -> None:
        super().__init__()
        self.size = prod(block)
        patterns, *grid = network.bias.shape
        suits = (network.channels, patterns) == (self.size, 2**self.size)
        if len(block) != 2 or not 1 <= self.size <= _MOST or not suits:
            raise SettingError(
                "InBlocks: the network is not one over such blocks",
                expected=f"block=(height, width) of at most {_MOST} pixels, a channel for each of them, and a "
                "parameter for each of their patterns",
                got=f"block={tuple(block)}, a network of {network.channels} channels and {patterns} parameters",
                fix=f"{type(network).__name__}(({self.size}, {grid[0]}, {grid[1]}), num_parameters={2**self.size})",
                code="S185",
            )
        self.network: Any = network
        self.grid, self.context_dim = tuple(grid), network.context_dim
        self.order: Order = orders.blocks([lines * side for lines, side in zip(grid, block, strict=True)], block)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The logits ``[*batch, 1, num_pixels]`` of all pixels at once.

        Args:
            x: zeros and ones ``[*batch, 1, num_pixels]``, block by block.
            context: ``[*batch, context_dim]``, or None.
        """
        # Blocks stand side by side in x, and the network takes what belongs to one as its channels.
        pixels = x.unflatten(-1, (prod(self.grid), self.size)).squeeze(-3)
        scores = self.network(pixels.mT.unflatten(-1, self.grid), context).flatten(-2).mT
        logits = []
        for each in pixels.unbind(-1):
            zero, one = scores.chunk(2, -1)
            logits.append(one.logsumexp(-1) - zero.logsumexp(-1))
            scores = torch.where(each.unsqueeze(-1) > 0.5, one, zero)
        return torch.stack(logits, -1).flatten(-2).unsqueeze(-2)

    def start(self, size: int, context: Tensor | None = None) -> BlockState:
        """The state before the first pixel.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        new = self.network.bias.new_zeros
        return BlockState(self.network.start(size, context), new(size, self.size), new(size, 1))

    def step(self, state: BlockState, previous: Tensor, position: int) -> tuple[Tensor, BlockState]:
        """The logit ``[size, 1]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, 1]`` of the pixel before this one; not read at position 0.
            position: of the pixel, block by block.
        """
        block, pixel = divmod(position, self.size)
        if position > 0:
            state.drawn[:, pixel - 1] = previous[:, 0]
        if pixel == 0:
            state.patterns, state.inner = self.network.step(state.inner, state.drawn, block)
        else:
            zero, one = state.patterns.chunk(2, -1)
            state.patterns = torch.where(previous > 0.5, one, zero)
        zero, one = state.patterns.chunk(2, -1)
        return (one.logsumexp(-1) - zero.logsumexp(-1)).unsqueeze(-1), state
