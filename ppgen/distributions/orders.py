"""Orders: which position of an autoregressive model is drawn first, and which after it."""

from __future__ import annotations

__all__ = ["SYMMETRIES", "Order", "blocks", "diagonal", "named", "permutation", "raster"]

import numbers
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.errors import SettingError

SYMMETRIES: Mapping[str, tuple[tuple[int, ...], bool]] = {
    "raster": ((), False),
    "bottom-up": ((-2,), False),
    "left-right": ((), True),
    "right-left": ((-1,), True),
    "raster-mirrored": ((-1,), False),
    "bottom-up-mirrored": ((-2, -1), False),
    "left-right-mirrored": ((-2,), True),
    "right-left-mirrored": ((-2, -1), True),
}
"""The eight ways to read an image, by name: dims that are walked from the far end, and whether by columns."""


class Order:
    """A permutation of positions.

    A causal network reads values in raster order: line by line, as one reads a page. Any other order is had by laying
    out the values in the order of their drawing (``arrange``) before the network sees them, and by laying out what was
    drawn as the event is (``restore``). A permutation has a Jacobian determinant of one, so the density stays exact.

    Made by :func:`raster`, :func:`blocks`, :func:`diagonal` and :func:`permutation`.

    Args:
        positions: lengths of the event's trailing dims that are ordered: ``(height, width)``, ``(length,)``.
        scanned: lengths in which a network sees the positions, in raster order.
        index: ``[num_positions]``: entry k is the position, counted along ``positions``, that is drawn k-th; or None
            for the identity, which costs nothing.

    Example:
        >>> columns = raster((2, 3), transpose=True)
        >>> columns.scanned, columns.arrange(torch.tensor([[1, 2, 3], [4, 5, 6]])).tolist()
        ((3, 2), [[1, 4], [2, 5], [3, 6]])
    """

    def __init__(self, positions: Sequence[int], scanned: Sequence[int], index: Tensor | None) -> None:
        self.positions, self.scanned, self.index = tuple(positions), tuple(scanned), index
        self._inverse = None if index is None else index.argsort()

    def __len__(self) -> int:
        return prod(self.positions)

    def arrange(self, values: Tensor) -> Tensor:
        """Values ``[..., *positions]`` in the order of their drawing, ``[..., *scanned]``."""
        return _take(values, self.positions, self.index, self.scanned)

    def restore(self, values: Tensor) -> Tensor:
        """The inverse of ``arrange``: ``[..., *scanned]`` -> ``[..., *positions]``."""
        return _take(values, self.scanned, self._inverse, self.positions)


def raster(positions: Sequence[int], *, flip: Sequence[int] = (), transpose: bool = False) -> Order:
    """Line by line, or one of the symmetries of that: eight for an image, two for a sequence.

    Args:
        positions: ``(height, width)`` of an image; ``(length,)`` of a sequence; any number of dims.
        flip: dims that are walked from the far end: 0 for the lowest row first, 1 for the rightmost pixel first.
        transpose: column by column instead of row by row (all dims in reverse); a network then sees images of
            ``(width, height)``.

    Raises:
        SettingError: a length below 1, or a dim to flip that there is not.

    Example:
        >>> raster((2, 3)).arrange(torch.arange(6).reshape(2, 3)).flatten().tolist()
        [0, 1, 2, 3, 4, 5]
        >>> raster((2, 3), flip=(0,), transpose=True).arrange(torch.arange(6).reshape(2, 3)).flatten().tolist()
        [3, 0, 4, 1, 5, 2]
    """
    positions, flipped = _lengths(positions), tuple(flip) if isinstance(flip, Iterable) else (flip,)
    unknown = [dim for dim in flipped if dim not in range(len(positions))]
    if unknown or not isinstance(flip, Iterable):
        raise SettingError(
            f"raster: positions {positions} have no dim {unknown[0]!r}" if unknown else "raster: flip is no sequence",
            expected=f"flip among {tuple(range(len(positions)))}",
            got=f"flip={flip!r}",
            fix="flip=(0,)",
            code="S053",
        )
    if not flipped and not transpose:
        return Order(positions, positions, None)
    grid = torch.arange(prod(positions)).reshape(positions).flip(flipped)
    if transpose:
        grid = grid.permute(*reversed(range(grid.dim())))
    return Order(positions, grid.shape, grid.flatten())


def named(order: str | Order, positions: Sequence[int]) -> Order:
    """One of the eight symmetries of the raster by its name, for networks that see lines as an image has them.

    Rows are drawn from the top down (``"raster"``) or from the lowest up (``"bottom-up"``), each from left to right;
    or columns from the leftmost on (``"left-right"``) or from the rightmost on (``"right-left"``), each from the top
    down. With ``"-mirrored"`` at the end of the name, each line is walked from its other end.

    Args:
        order: its name; or an order made already, which is looked at and given back.
        positions: ``(height, width)``; ``(length,)`` of a vector, which is one row.

    Raises:
        SettingError: a name that there is not; an order of other positions, or one whose lines are not lines any more.

    Example:
        >>> named("right-left", (2, 3)).arrange(torch.arange(6).reshape(2, 3)).flatten().tolist()
        [2, 5, 1, 4, 0, 3]
    """
    if not isinstance(order, Order):
        flip, transpose = SYMMETRIES[one_of("orders.named: order", order, SYMMETRIES)]
        dims = len(_lengths(positions))
        return raster(positions, flip=[dims + dim for dim in flip if dims + dim >= 0], transpose=transpose)
    if order.positions != tuple(positions) or len(order.scanned) != len(order.positions):
        raise SettingError(
            "the order is not one for a network over these positions",
            expected=f"an order of positions {tuple(positions)} that are seen in as many dims",
            got=f"positions {order.positions}, seen as {order.scanned}",
            fix=f"order=orders.raster({tuple(positions)}), or a name: {', '.join(SYMMETRIES)}",
            code="S198",
        )
    return order


def diagonal(positions: Sequence[int]) -> Order:
    """Anti-diagonal after anti-diagonal from the first corner on, each from the top down.

    Neighbours in it are not neighbours in the image, so that a network sees one long sequence.

    Args:
        positions: ``(height, width)`` of an image.

    Raises:
        SettingError: lengths that are not two, or one below 1.

    Example:
        >>> order = diagonal((2, 3))
        >>> order.scanned, order.arrange(torch.arange(6).reshape(2, 3)).tolist()
        ((6,), [0, 1, 3, 2, 4, 5])
    """
    positions = _lengths(positions)
    if len(positions) != 2:
        raise SettingError(
            f"diagonal: positions {positions} have no diagonals",
            expected="the two lengths of an image",
            got=f"positions={positions}",
            fix="diagonal((height, width)), or raster(positions)",
            code="S179",
        )
    height, width = positions
    row, column = torch.arange(height).unsqueeze(1), torch.arange(width)
    return Order(positions, (height * width,), ((row + column) * height + row).flatten().argsort())


def blocks(positions: Sequence[int], block: Sequence[int]) -> Order:
    """Block by block in raster order, and within a block in raster order too: a sequence, for networks that know it.

    Args:
        positions: ``(height, width)`` of an image; any number of dims.
        block: lengths of a block, which divide those of ``positions``.

    Raises:
        SettingError: a length below 1, or one that does not divide.

    Example:
        >>> blocks((2, 4), (2, 2)).arrange(torch.arange(8).reshape(2, 4)).tolist()
        [0, 1, 4, 5, 2, 3, 6, 7]
    """
    positions, block = _lengths(positions), _lengths(block)
    if len(block) != len(positions) or any(long % short for long, short in zip(positions, block, strict=True)):
        raise SettingError(
            "blocks: the positions cannot be cut into such blocks",
            expected=f"lengths that divide {positions}, dim by dim",
            got=f"block={block}",
            fix=f"block={tuple(2 if long % 2 == 0 else 1 for long in positions)}, "
            "or images of another size: resize or crop them",
            code="S180",
        )
    grid = torch.arange(prod(positions))
    parted = grid.reshape(
        [size for pair in zip(positions, block, strict=True) for size in (pair[0] // pair[1], pair[1])]
    )
    dims = range(2 * len(positions))
    return Order(positions, (prod(positions),), parted.permute(*dims[::2], *dims[1::2]).flatten())


def permutation(index: Any, positions: Sequence[int] | None = None) -> Order:
    """Any order at all.

    What stands side by side in it need not have been neighbours, so it suits networks without a sense of place
    (fully connected ones, transformers) rather than convolutions.

    Args:
        index: integers ``[num_positions]``: entry k is the position that is drawn k-th, counted along ``positions``.
        positions: lengths of the ordered dims; default: one dim, a sequence.

    Raises:
        SettingError: not every position exactly once.

    Example:
        >>> permutation([2, 0, 1]).arrange(torch.tensor([10, 11, 12])).tolist()
        [12, 10, 11]
    """
    index = torch.as_tensor(index)
    positions = _lengths(index.shape if positions is None else positions)
    if index.is_floating_point() or index.sort().values.tolist() != list(range(prod(positions))):
        raise SettingError(
            "permutation: not every position stands in the index exactly once",
            expected=f"the integers from 0 to {prod(positions) - 1} in any order",
            got=f"{str(index.dtype).removeprefix('torch.')} {list(index.shape)}: {index.flatten()[:8].tolist()} ...",
            fix=f"permutation(torch.randperm({prod(positions)}), positions={positions})",
            code="S054",
        )
    return Order(positions, positions, index.long())


def _take(values: Tensor, from_shape: tuple[int, ...], index: Tensor | None, to_shape: tuple[int, ...]) -> Tensor:
    if index is None:
        return values
    return values.flatten(-len(from_shape))[..., index.to(values.device)].unflatten(-1, to_shape)


def _lengths(positions: Sequence[int]) -> tuple[int, ...]:
    lengths = tuple(positions) if isinstance(positions, Iterable) else ()
    if lengths and all(isinstance(length, numbers.Integral) and length >= 1 for length in lengths):
        return tuple(map(int, lengths))
    raise SettingError(
        "an order needs positions",
        expected="lengths of one dim or more, such as (28, 28) for images and (100,) for sequences",
        got=f"positions={positions!r}",
        fix="positions=(height, width), without the channels",
        code="S055",
    )
