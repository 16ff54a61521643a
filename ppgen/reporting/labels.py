"""Names written where a line ends, so that no legend has to be looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["label_line_ends", "spread"]


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Positions moved as little as possible, in order, until neighbours are at least ``gap`` apart.

    Overlapping labels form a block that is centred on the mean of what its members wanted (the pooling of
    adjacent violators that solves isotonic regression).

    Example:
        >>> spread([0.0, 0.1, 5.0], gap=1.0)
        [-0.45, 0.55, 5.0]
    """
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    blocks: list[list[float]] = []  # [sum of (wanted - offset in block), size]
    for index in order:
        blocks.append([positions[index], 1.0])
        while len(blocks) > 1 and _start(blocks[-1]) < _start(blocks[-2]) + blocks[-2][1] * gap:
            total, size = blocks.pop()
            # Seen from the merged block's start, each newcomer sits blocks[-1][1] * gap further along.
            blocks[-1][0] += total - size * blocks[-1][1] * gap
            blocks[-1][1] += size
    placed = [_start(block) + step * gap for block in blocks for step in range(int(block[1]))]
    result = [0.0] * len(positions)
    for index, place in zip(order, placed, strict=True):
        result[index] = place
    return result


def _start(block: Sequence[float]) -> float:
    return block[0] / block[1]


def label_line_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each ``(x, y, text, colour)`` just right of its point, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    # Axes take roughly this part of a figure's height; the layout that says exactly how much comes later.
    height_points = axes.figure.bbox.height / axes.figure.dpi * 72 * 0.7
    placed = spread([y for _, y, _, _ in ends], gap=(high - low) * 11.0 / height_points)
    for (x, y, text, colour), place in zip(ends, placed, strict=True):
        shift = (place - y) / (high - low) * height_points
        axes.annotate(
            text,
            (x, y),
            xytext=(6, shift),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=8.5,
            annotation_clip=False,
        )
