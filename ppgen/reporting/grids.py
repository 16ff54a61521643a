"""Samples in a grid, as many panels as there are sources, drawn alike so that they can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgen.errors import DataError
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.pictures import Array, Limits, draw_mosaic, is_picture, joint_limits, mosaic, to_points
from ppgen.reporting.style import FULL_WIDTH, INK, PALETTE, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["grids"]


def grids(
    panels: Any, *, columns: int | None = None, limits: Limits | None = None, reference: str | None = None
) -> Illustration:
    """Draw data points of any shape, a panel each source.

    Args:
        panels: ``[N, ...]``, or several by title (``{"samples": x, "test data": y}``). Pictures ``[N, C, H, W]`` or
            ``[N, H, W]`` become tiles, grey or RGB; pairs of numbers ``[N, 2]`` a scatter; single numbers a histogram;
            longer vectors one small line plot each.
        columns: tiles a row; by default a square.
        limits: the values drawn as black and white, or the range of the lines. By default 0 and 1 where the
            reference panel's values lie in there, else its range.
        reference: the panel that sets the limits; the last one by default, where real data belongs.

    Returns:
        The figure, all panels on the same scale.

    Raises:
        DataError: if a panel is empty or not finite, or two panels hold data points of different shapes.

    Example:
        >>> grids({"samples": np.zeros((9, 1, 8, 8)), "test data": np.ones((9, 1, 8, 8))}).alt
        'Side by side: samples (9 pictures), test data (9 pictures).'
    """
    named = dict(panels) if isinstance(panels, Mapping) else {"": panels}
    arrays = {title: to_points(x, title or "x") for title, x in named.items()}
    shapes = {title: array.shape[1:] for title, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(
            "grids: the panels hold data points of different shapes",
            expected="one shape for all panels",
            got=", ".join(f"{title}: {shape}" for title, shape in shapes.items()),
        )
    first = arrays[reference] if reference is not None else list(arrays.values())[-1]
    limits = limits or joint_limits([first, *arrays.values()])
    pictures = is_picture(first)
    columns = columns or math.ceil(math.sqrt(max(len(array) for array in arrays.values())))
    with house_style():
        figure = new_figure(*_size(arrays, columns), gap=0.04)
        axes_row = figure.subplots(1, len(arrays), squeeze=False)[0]
        for axes, (title, array) in zip(axes_row, arrays.items(), strict=True):
            axes.set_title(title)
            if pictures:
                draw_mosaic(axes, mosaic(array, columns, limits))
            elif array.shape[1] == 1:
                axes.hist(
                    array[:, 0], bins=np.linspace(*limits, 31).tolist(), density=True, color=PALETTE[0], alpha=0.75
                )
                axes.set_yticks([])
            elif array.shape[1] == 2:
                _scatter(axes, array, limits)
            else:
                _lines(axes, array, columns, limits)
        if not pictures and first.shape[1] == 1:
            _share_height(axes_row)
    kind = "pictures" if pictures else "data points"
    counts = ", ".join(
        f"{title} ({len(array)} {kind})" if title else f"{len(array)} {kind}" for title, array in arrays.items()
    )
    alt = f"Side by side: {counts}." if len(arrays) > 1 else f"{counts[:1].upper()}{counts[1:]}."
    clipped = [title for title, array in arrays.items() if array.min() < limits[0] or array.max() > limits[1]]
    caption = (
        f"Values are drawn between {limits[0]:.3g} and {limits[1]:.3g}; those outside are clipped." if clipped else ""
    )
    return Illustration(figure, alt, caption)


def _size(arrays: Mapping[str, Array], columns: int) -> tuple[float, float]:
    """Inches: panels of a third of the page, as high as their tiles need."""
    first = next(iter(arrays.values()))
    width = min(FULL_WIDTH, FULL_WIDTH / 3 * len(arrays))
    panel = width / len(arrays) - 0.12
    if not is_picture(first):
        return width, (panel if first.shape[1] == 2 else 2.4) + 0.3
    rows = max(math.ceil(len(array) / columns) for array in arrays.values())
    return width, panel * rows * first.shape[2] / (columns * first.shape[3]) + 0.42


def _scatter(axes: Axes, array: Array, limits: Limits) -> None:
    """Points of the plane, on equal axes that all panels share."""
    axes.scatter(array[:, 0], array[:, 1], s=6, color=PALETTE[0], alpha=0.6, linewidths=0)
    margin = 0.05 * (limits[1] - limits[0])
    axes.set_xlim(limits[0] - margin, limits[1] + margin)
    axes.set_ylim(limits[0] - margin, limits[1] + margin)
    axes.set_aspect("equal")


def _lines(axes: Axes, array: Array, columns: int, limits: Limits) -> None:
    """One small line plot a vector, laid out as tiles are."""
    from matplotlib.collections import LineCollection

    heights = np.clip((array - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    along = np.linspace(0.0, 0.85, array.shape[1])
    lines = [
        np.stack([index % columns + along, -(index // columns) + 0.85 * line], axis=1)
        for index, line in enumerate(heights)
    ]
    axes.add_collection(LineCollection(lines, colors=INK, linewidths=0.9))
    axes.set_xlim(-0.05, columns)
    axes.set_ylim(-math.ceil(len(array) / columns) + 0.95, 1.0)
    axes.set_axis_off()


def _share_height(axes_row: Any) -> None:
    """The same vertical scale for all histograms."""
    top = max(axes.get_ylim()[1] for axes in axes_row)
    for axes in axes_row:
        axes.set_ylim(0.0, top)
