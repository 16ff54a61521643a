"""Where the data lies in the space of codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ppgen.errors import DataError
from ppgen.reporting.grids import Array, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import INK, PALETTE, PAPER, Axes, house_style, new_figure

__all__ = ["latent_space", "principal_components"]

_MAX_POINTS = 1500  # more points than this only make the file large and the picture dark


def latent_space(z: Any, labels: Any = None, *, label_name: str = "y") -> Illustration:
    """Scatter codes in two dimensions, coloured by label where there is one.

    Args:
        z: ``[N, D]`` posterior means. One dimension is spread over a line a label; two are drawn as they are; more are
            projected on their two principal components, and the axes state how much of the variance each explains.
        labels: ``[N]`` integers, or None. Labels are also written at the middle of their points, since colours alone
            do not tell ten classes apart for every eye.
        label_name: what the labels are, for the caption.

    Returns:
        The figure; of more than 1500 codes an even selection is drawn.

    Raises:
        DataError: if labels and codes differ in number, or there is nothing finite to draw.
    """
    # Flattened first: a code of event shape [4, 2, 2] is no picture of four channels.
    codes = to_points(z.reshape(len(z), -1) if np.ndim(z) > 2 else z, "z")
    classes = None if labels is None else np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels)
    if classes is not None and classes.shape != (len(codes),):
        raise DataError("latent_space: one label a code", expected=f"({len(codes)},)", got=str(classes.shape))
    dims = codes.shape[1]
    points, explained = (codes, None) if dims <= 2 else principal_components(codes)
    if len(points) > _MAX_POINTS:
        kept = np.linspace(0, len(points) - 1, _MAX_POINTS).round().astype(int)
        points, classes = points[kept], None if classes is None else classes[kept]

    with house_style():
        figure = new_figure(4.6, 4.0 if dims > 1 else 2.8)
        axes = figure.subplots()
        _draw(axes, points, classes)
        if dims == 1:
            axes.set(xlabel="z", ylabel="" if classes is None else label_name, yticks=[])
        else:
            names = ["z₁", "z₂"]
            if explained is not None:
                names = [f"component {place} ({share:.0%} of variance)" for place, share in enumerate(explained, 1)]
            axes.set_aspect("equal", adjustable="datalim")
            axes.set(xlabel=names[0], ylabel=names[1])

    projected = "" if explained is None else f", projected from {dims} dimensions on the two principal components"
    coloured = "" if classes is None else f", coloured by {label_name}"
    caption = f"Posterior means of {len(points)} test data points{projected}{coloured}."
    if classes is not None:
        caption += " Classes that lie apart here are apart in the code"
        caption += "." if explained is None else "; those that overlap may yet differ in another direction."
    return Illustration(figure, f"Latent space: {len(points)} codes{projected}{coloured}.", caption)


def principal_components(codes: Array) -> tuple[Array, tuple[float, float]]:
    """The two leading principal components ``[N, 2]`` and the fractions of variance that they explain.

    The sign, which PCA leaves open, is such that the largest loading is positive: the same codes, the same picture.

    Example:
        >>> line = np.outer(np.arange(5.0), [3.0, 0.0, 4.0])
        >>> points, explained = principal_components(line)
        >>> points[:, 0].tolist(), [round(part, 6) for part in explained]
        ([-10.0, -5.0, 0.0, 5.0, 10.0], [1.0, 0.0])
    """
    centred = codes - codes.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    if len(axes) < 2:  # a single code
        axes, singular = np.eye(codes.shape[1])[:2], np.zeros(2)
    leading = axes[:2]
    leading = leading * np.sign(leading[np.arange(2), np.abs(leading).argmax(axis=1)])[:, None]
    total = float((singular**2).sum())
    explained = (singular[:2] ** 2 / total) if total > 0.0 else np.zeros(2)
    return centred @ leading.T, (float(explained[0]), float(explained[1]))


def _draw(axes: Axes, points: Array, classes: npt.NDArray[Any] | None) -> None:
    """One collection of dots a class, its name at the median of its points, and a legend beside the axes."""
    names = [None] if classes is None else np.unique(classes).tolist()
    if classes is not None and len(names) > len(PALETTE):
        _draw_ordered(axes, points, classes)
        return
    for index, name in enumerate(names):
        chosen = points if classes is None else points[classes == name]
        across, up = chosen[:, 0], chosen[:, 1] if points.shape[1] > 1 else np.full(len(chosen), float(index))
        colour = PALETTE[index % len(PALETTE)]
        label = None if name is None else str(name)
        axes.scatter(across, up, s=11, color=colour, alpha=0.8, linewidths=0, label=label)
        if label is not None and points.shape[1] > 1:
            axes.annotate(
                label,
                (float(np.median(across)), float(np.median(up))),
                ha="center",
                va="center",
                color=INK,
                weight="bold",
                bbox={"boxstyle": "circle,pad=0.25", "facecolor": PAPER, "edgecolor": colour, "linewidth": 1.2},
            )
    if classes is not None:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1, markerscale=1.5)


def _draw_ordered(axes: Axes, points: Array, classes: npt.NDArray[Any]) -> None:
    """More labels than colours: one scale of brightness, since so many are mostly ordered (a position, a size)."""
    up = points[:, 1] if points.shape[1] > 1 else classes
    dots = axes.scatter(points[:, 0], up, s=11, c=classes, cmap="cividis", alpha=0.9, linewidths=0)
    bar = axes.figure.colorbar(dots, ax=axes, shrink=0.7, pad=0.02)
    bar.outline.set_visible(False)
