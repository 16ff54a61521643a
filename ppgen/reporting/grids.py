"""Data points as pictures or vectors, and samples in grids that can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppgen.errors import DataError
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.mosaic import Array, Limits, draw_mosaic, label_rows, mosaic
from ppgen.reporting.style import FULL_WIDTH, INK, PALETTE, Axes, MaybeAxes, house_style, panels

__all__ = [
    "draw_lines",
    "grids",
    "is_picture",
    "joint_limits",
    "to_points",
]


def to_points(x: Any, name: str = "x") -> Array:
    """Tensor or array ``[N, ...]`` as finite float64 ``[N, C, H, W]`` (pictures) or ``[N, D]`` (vectors).

    ``[N, H, W]`` is a grey picture or a sequence drawn as one, ``[N]`` is one number a data point, and anything with
    other dimensions is flattened to vectors.

    Args:
        x: tensor or array.
        name: what it is called in an error.

    Raises:
        DataError: if there is no data point or a value is not finite.
    """
    if hasattr(x, "detach"):
        x = x.detach().cpu().double().numpy()
    points = np.asarray(x, dtype=np.float64)
    if points.ndim == 0 or points.size == 0:
        raise DataError(
            f"{name}: nothing to draw",
            expected="[N, C, H, W] or [N, D], N > 0",
            got=str(points.shape),
            fix="pass at least one data point",
            code="D087",
        )
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points)).sum())
        raise DataError(
            f"{name}: {bad} values are not finite",
            expected="finite numbers",
            got="NaN or infinity",
            fix="look at where they come from: a diverged fit, or the data",
            code="D088",
        )
    if points.ndim in (1, 3):
        return points[:, None]
    if points.ndim == 4 and points.shape[1] not in (1, 3):
        # Neither grey nor RGB: the mean over channels keeps the shapes visible.
        return points.mean(axis=1, keepdims=True)
    return points if points.ndim in (2, 4) else points.reshape(len(points), -1)


def is_picture(points: Array) -> bool:
    """Whether :func:`to_points` found pictures."""
    return points.ndim == 4


def joint_limits(arrays: Sequence[Array]) -> Limits:
    """Values shown as black and white: 0 and 1 where the first array (the reference) lies in there, else its range."""
    low, high = float(arrays[0].min()), float(arrays[0].max())
    if is_picture(arrays[0]) and low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    if not is_picture(arrays[0]):
        low, high = min(float(array.min()) for array in arrays), max(float(array.max()) for array in arrays)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def draw_lines(axes: Axes, points: Array, columns: int, limits: Limits, *, width: float = 0.85, **style: Any) -> None:
    """Draw one small line plot a vector, laid out as the tiles of a mosaic.

    Args:
        axes: to draw in; nothing else of it is shown.
        points: [N, D].
        columns: plots a row.
        limits: the values at the foot and at the top of a plot; what lies outside is clipped.
        width: of a plot, as a share of its column.
        **style: of matplotlib's lines.
    """
    from matplotlib.collections import LineCollection

    heights = 0.85 * np.clip((points - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    along = np.linspace(0.0, width, points.shape[1])
    lines = [
        np.stack([index % columns + along, -(index // columns) + height], axis=1)
        for index, height in enumerate(heights)
    ]
    axes.add_collection(LineCollection(lines, **style))
    axes.set(xlim=(-0.05, columns), ylim=(-math.ceil(len(points) / columns) + 0.95, 1.0))
    axes.set_axis_off()


def grids(
    sources: Any,
    *,
    columns: int | None = None,
    limits: Limits | None = None,
    reference: str | None = None,
    row_labels: Sequence[str] = (),
    ax: MaybeAxes = None,
) -> Illustration:
    """Draw data points of any shape, a panel each source.

    Args:
        sources: ``[N, ...]``, or several by title (``{"samples": x, "test data": y}``). Pictures ``[N, C, H, W]`` or
            ``[N, H, W]`` become tiles, grey or RGB; pairs of numbers ``[N, 2]`` a scatter; single numbers a histogram;
            longer vectors one small line plot each.
        columns: tiles a row; by default a square.
        limits: the values drawn as black and white, or the range of the lines. By default 0 and 1 where the
            reference panel's values lie in there, else its range.
        reference: the panel that sets the limits; the last one by default, where real data belongs.
        row_labels: of the rows of tiles, beside those of the first panel.
        ax: to draw in; default: a new figure.

    Returns:
        The figure, all panels on the same scale.

    Raises:
        DataError: if a panel is empty or not finite, or two panels hold data points of different shapes.

    Example:
        >>> grids({"samples": np.zeros((9, 1, 8, 8)), "test data": np.ones((9, 1, 8, 8))}).alt
        'Side by side: samples (9 pictures), test data (9 pictures).'
    """
    named = dict(sources) if isinstance(sources, Mapping) else {"": sources}
    arrays = {title: to_points(x, title or "x") for title, x in named.items()}
    shapes = {title: array.shape[1:] for title, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(
            "grids: the panels hold data points of different shapes",
            expected="one shape for all panels",
            got=", ".join(f"{title}: {shape}" for title, shape in shapes.items()),
            fix="draw data of different shapes in figures of their own",
            code="D089",
        )
    first = arrays[reference] if reference is not None else list(arrays.values())[-1]
    limits = limits or joint_limits([first, *arrays.values()])
    pictures = is_picture(first)
    columns = columns or math.ceil(math.sqrt(max(len(array) for array in arrays.values())))
    with house_style():
        axes_row = panels(ax, _size(arrays, columns), columns=len(arrays), gap=0.04)[0]
        for axes, (title, array) in zip(axes_row, arrays.items(), strict=True):
            axes.set_title(title)
            draw_points(axes, array, columns, limits)
        if pictures and row_labels:
            label_rows(axes_row[0], row_labels, first)
        if not pictures and first.shape[1] == 1:
            top = max(axes.get_ylim()[1] for axes in axes_row)
            for axes in axes_row:
                axes.set_ylim(0.0, top)
    kind = "pictures" if pictures else "data points"
    counts = ", ".join(
        f"{title} ({len(array)} {kind})" if title else f"{len(array)} {kind}" for title, array in arrays.items()
    )
    alt = f"Side by side: {counts}." if len(arrays) > 1 else f"{counts[:1].upper()}{counts[1:]}."
    clipped = any(array.min() < limits[0] or array.max() > limits[1] for array in arrays.values())
    caption = (
        f"Values are drawn between {limits[0]:.3g} and {limits[1]:.3g}; those outside are clipped." if clipped else ""
    )
    return Illustration(axes_row[0].figure, alt, caption)


def draw_points(axes: Axes, points: Array, columns: int, limits: Limits) -> None:
    """Draw data points as their shape asks for: tiles, a histogram, a scatter, or one small line plot each.

    Args:
        axes: to draw in.
        points: [N, C, H, W] or [N, D].
        columns: tiles or line plots a row.
        limits: the values drawn as black and white, or the range of lines, histogram and scatter.
    """
    if is_picture(points):
        draw_mosaic(axes, mosaic(points, columns, limits))
    elif points.shape[1] == 1:
        axes.hist(points[:, 0], bins=np.linspace(*limits, 31).tolist(), density=True, color=PALETTE[0], alpha=0.75)
        axes.set_yticks([])
    elif points.shape[1] == 2:
        _scatter(axes, points, limits)
    else:
        draw_lines(axes, points, columns, limits, colors=INK, linewidths=0.9)


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
    reach = (limits[0] - margin, limits[1] + margin)
    axes.set(xlim=reach, ylim=reach, aspect="equal")
