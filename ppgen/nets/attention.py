"""Causal attention over positions: to all before, or to those of a memory block; all at once, and one by one."""

from __future__ import annotations

__all__ = ["AttentionPattern", "BlockAttention", "FullAttention", "Grid", "along_lines", "around_blocks"]

import abc

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence

Grid = tuple[int, int]  # (height, width)
Blocks = list[tuple[Tensor, Tensor]]  # positions that ask, and those that they may look at: both in raster order


class AttentionPattern(nn.Module, abc.ABC):
    """Which positions a position attends to; never one behind it.

    A pattern has no weights, and one object serves all layers. It works in two ways: for all positions at once, and
    for one position among keys and values that were kept. Those lie in a ring of ``slots``: what belongs to position k
    lies in slot ``k % slots``, for as long as any position looks that far back.
    """

    slots: int

    @abc.abstractmethod
    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, num_heads: int) -> Tensor:
        """What every position reads, ``[size, num_positions, hidden]``.

        Args:
            queries: ``[size, num_positions, hidden]``, the heads beside each other.
            keys: of the same shape.
            values: of the same shape.
            num_heads: into how many ``hidden`` is divided.
        """

    @abc.abstractmethod
    def veil(self, position: int) -> Tensor:
        """What is added to a position's scores of the slots that are filled: 0, or ``-inf`` where it must not look.

        Args:
            position: whose scores; its own key is in its slot already.

        Returns:
            ``[min(position + 1, slots)]``, or ``[1]`` for all of them.
        """


class FullAttention(AttentionPattern):
    """Every position attends to itself and to all before it.

    Args:
        num_positions: how many there are.
    """

    nothing: Tensor

    def __init__(self, num_positions: int) -> None:
        super().__init__()
        self.slots = num_positions
        self.register_buffer("nothing", torch.zeros(1), persistent=False)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, num_heads: int) -> Tensor:
        """What every position reads, ``[size, num_positions, hidden]``.

        Args:
            queries: ``[size, num_positions, hidden]``, the heads beside each other.
            keys: of the same shape.
            values: of the same shape.
            num_heads: into how many ``hidden`` is divided.
        """
        q, k, v = (each.unflatten(-1, (num_heads, -1)).transpose(1, 2) for each in (queries, keys, values))
        return scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)

    def veil(self, position: int) -> Tensor:
        """Zero ``[1]``: every slot that is filled may be looked at.

        Args:
            position: whose scores.
        """
        return self.nothing


class BlockAttention(AttentionPattern):
    """Positions in blocks: those of a block attend to the block's memory, and in it to nothing behind themselves.

    With blocks and memories of one size, the price is linear in the number of positions instead of quadratic.

    Reference: N. Parmar et al., "Image transformer", 2018 (arXiv 1802.05751).

    Args:
        blocks: from :func:`along_lines` or :func:`around_blocks`; every position asks in one of them, and may look at
            itself.
    """

    asking: Tensor
    memory: Tensor
    mask: Tensor
    place: Tensor
    veils: Tensor

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        # Smaller blocks are filled up: with -1, which nobody looks at, and whose own answers are thrown away.
        asking, memory = (pad_sequence([block[i] for block in blocks], True, padding_value=-1) for i in range(2))
        count = sum(len(positions) for positions, _ in blocks)
        is_seen = (memory.unsqueeze(1) <= asking.unsqueeze(2)) & (memory >= 0).unsqueeze(1)
        looks = torch.zeros(count, count, dtype=torch.bool)  # who looks at whom
        looks[asking.unsqueeze(2).expand_as(is_seen)[is_seen], memory.unsqueeze(1).expand_as(is_seen)[is_seen]] = True
        self.slots = 1 + max(int((positions - seen[0]).max()) for positions, seen in blocks)
        now = torch.arange(count).unsqueeze(1)
        in_slot = now - (now - torch.arange(self.slots)) % self.slots  # whose key lies there; negative: not filled yet
        may_look = looks.gather(1, in_slot.clamp_min(0))
        is_filler = (asking < 0).unsqueeze(2)
        tables = {
            "asking": asking.clamp_min(0),
            "memory": memory.clamp_min(0),
            "mask": torch.zeros(is_seen.shape).masked_fill(~(is_seen | is_filler), -torch.inf),
            "place": asking.flatten().argsort()[asking.numel() - count :],
            "veils": torch.zeros(in_slot.shape).masked_fill(~may_look, -torch.inf),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, num_heads: int) -> Tensor:
        """What every position reads, ``[size, num_positions, hidden]``.

        Args:
            queries: ``[size, num_positions, hidden]``, the heads beside each other.
            keys: of the same shape.
            values: of the same shape.
            num_heads: into how many ``hidden`` is divided.
        """
        wanted, size = ((queries, self.asking), (keys, self.memory), (values, self.memory)), len(queries)
        q, k, v = (  # a position is taken with all its numbers, [size, blocks, positions, hidden], and then divided
            each.index_select(1, where.flatten())
            .reshape(-1, where.shape[1], num_heads, each.shape[-1] // num_heads)
            .transpose(1, 2)
            for each, where in wanted
        )
        mask = self.mask.expand(size, *self.mask.shape).reshape(-1, 1, *self.mask.shape[1:])
        read = scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)
        return read.reshape(size, -1, queries.shape[-1]).index_select(1, self.place)

    def veil(self, position: int) -> Tensor:
        """Zeros for slots in the position's memory, ``[min(position + 1, slots)]``.

        Args:
            position: whose scores.
        """
        return self.veils[position, : position + 1]


def along_lines(grid: Grid, block: Grid) -> Blocks:
    """Blocks of as many pixels as ``block`` has, one after the other in raster order, with the block before as memory.

    Args:
        grid: ``(height, width)`` of the image.
        block: height and width, whose product counts.

    Example:
        >>> [(asking.tolist(), memory.tolist()) for asking, memory in along_lines((2, 3), (1, 2))]
        [([0, 1], [0, 1]), ([2, 3], [0, 1, 2, 3]), ([4, 5], [2, 3, 4, 5])]
    """
    length, count = block[0] * block[1], grid[0] * grid[1]
    ends = [(first, min(first + length, count)) for first in range(0, count, length)]
    return [(torch.arange(*each), torch.arange(max(each[0] - length, 0), each[1])) for each in ends]


def around_blocks(grid: Grid, block: Grid) -> Blocks:
    """Rectangles; the memory reaches as many rows further up as a block has, and half a block to the left and right.

    Args:
        grid: ``(height, width)`` of the image.
        block: height and width of a rectangle.

    Example:
        >>> [(asking.tolist(), memory.tolist()) for asking, memory in around_blocks((2, 4), (1, 2))][-1]
        ([6, 7], [1, 2, 3, 5, 6, 7])
    """
    (height, width), pixels = block, torch.arange(grid[0] * grid[1]).reshape(grid)
    aside = width // 2
    return [
        (
            pixels[top : top + height, left : left + width].flatten(),
            pixels[max(top - height, 0) : top + height, max(left - aside, 0) : left + width + aside].flatten(),
        )
        for top in range(0, grid[0], height)
        for left in range(0, grid[1], width)
    ]
