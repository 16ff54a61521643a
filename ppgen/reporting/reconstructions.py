"""Reconstructions of test data, below or over the data themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppgen.errors import DataError
from ppgen.reporting.grids import Array, Limits, draw_lines, draw_mosaic, is_picture, joint_limits, mosaic, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import FULL_WIDTH, MUTED, PALETTE, Axes, house_style, new_figure

__all__ = ["reconstructions"]


def reconstructions(
    original: Any, reconstruction: Any, *, columns: int = 6, limits: Limits | None = None
) -> Illustration:
    """Draw each original above its reconstruction.

    Args:
        original: ``[N, ...]``; a dozen is enough to see. Vectors are overlaid instead: pairs of numbers as two
            points that a line joins, longer ones as two curves.
        reconstruction: ``[N, ...]``, row by row what the model makes of ``original``.
        columns: pairs of pictures a line.
        limits: the values drawn as black and white; by default 0 and 1 where the originals lie in there, else
            their range.

    Returns:
        The figure; its caption gives the root mean squared error of what is drawn.

    Raises:
        DataError: if the shapes differ, or there is nothing finite to draw.
    """
    upper, lower = to_points(original, "original"), to_points(reconstruction, "reconstruction")
    if upper.shape != lower.shape:
        raise DataError(
            "reconstructions: originals and reconstructions differ in shape",
            expected=str(upper.shape),
            got=str(lower.shape),
            fix="pass fit.reconstruct({'x': original}) for the same rows",
        )
    limits = limits or joint_limits([upper, lower])
    error = float(np.sqrt(np.mean((upper - lower) ** 2)))
    count = len(upper)
    with house_style():
        if is_picture(upper):
            columns = min(columns, count)
            lines = math.ceil(count / columns)
            figure = new_figure(0.66 * columns + 1.04, 1.42 * lines * upper.shape[2] / upper.shape[3])
            for line, axes in enumerate(figure.subplots(lines, 1, squeeze=False)[:, 0]):
                rows = slice(line * columns, (line + 1) * columns)
                _pairs(axes, upper[rows], lower[rows], columns, limits)
        elif upper.shape[1] <= 2:
            figure = new_figure(3.4, 3.4)
            _joined_points(figure.subplots(), upper, lower)
        else:
            figure = new_figure(FULL_WIDTH, 2.4)
            _overlaid_curves(figure.subplots(), upper, lower, limits)
    return Illustration(
        figure,
        f"{count} data points and their reconstructions; root mean squared error {error:.3f}.",
        "Test data, and below it the reconstruction: the mean of p(x | z) at the mean of q(z | x). "
        f"Root mean squared error of these {count}: {error:.3f}.",
    )


def _pairs(axes: Axes, upper: Array, lower: Array, columns: int, limits: Limits) -> None:
    """One line of pictures above one of reconstructions; a last line that is not full keeps its scale."""
    data, model = (mosaic(part, columns, limits) for part in (upper, lower))
    draw_mosaic(axes, np.concatenate([data, np.zeros_like(data[:1]), model]))
    height = data.shape[0]
    axes.set_yticks([0.5 * height, 1.5 * height + 1], ["data", "reconstruction"])
    axes.tick_params(axis="y", length=0)


def _joined_points(axes: Axes, upper: Array, lower: Array) -> None:
    """Original and reconstruction as points; for single numbers, one axis each and the identity line."""
    if upper.shape[1] == 1:
        low, high = float(upper.min()), float(upper.max())
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8)
        axes.scatter(upper[:, 0], lower[:, 0], s=10, color=PALETTE[1], linewidths=0)
        axes.set(xlabel="data", ylabel="reconstruction")
        return
    for start, end in zip(upper, lower, strict=True):
        axes.plot([start[0], end[0]], [start[1], end[1]], color=MUTED, linewidth=0.6)
    axes.scatter(upper[:, 0], upper[:, 1], s=12, color=PALETTE[0], linewidths=0, label="data")
    axes.scatter(lower[:, 0], lower[:, 1], s=12, color=PALETTE[1], linewidths=0, label="reconstruction")
    axes.set_aspect("equal")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)


def _overlaid_curves(axes: Axes, upper: Array, lower: Array, limits: Limits) -> None:
    """One small plot a vector: the data in grey, its reconstruction over it."""
    columns = min(6, len(upper))
    draw_lines(axes, upper, columns, limits, width=0.88, colors=MUTED, linewidths=2.2, label="data")
    draw_lines(axes, lower, columns, limits, width=0.88, colors=PALETTE[1], linewidths=1.1, label="reconstruction")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
