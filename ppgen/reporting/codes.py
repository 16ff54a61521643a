"""What codes keep and where they lie: data above its reconstruction, and the latent space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgen.errors import DataError
from ppgen.reporting.grids import draw_lines, is_picture, joint_limits, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.label_places import set_apart
from ppgen.reporting.mosaic import Array, Limits, draw_mosaic, mosaic
from ppgen.reporting.style import FULL_WIDTH, INK, MUTED, PALETTE, PAPER, Axes, MaybeAxes, house_style, panels

__all__ = [
    "draw_codes",
    "draw_pairs",
    "flat_codes",
    "latent_space",
    "plane_of",
    "principal_components",
    "reconstructions",
]

_NAMES = ("data", "reconstruction")
_NAME_WIDTH = 17.0  # points, of a class's name in its circle


def reconstructions(
    original: Any, reconstruction: Any, *, columns: int = 6, limits: Limits | None = None, ax: MaybeAxes = None
) -> Illustration:
    """Draw each original above its reconstruction.

    Args:
        original: ``[N, ...]``; a dozen is enough to see. Vectors are overlaid instead: pairs of numbers as two
            points that a line joins, longer ones as two curves.
        reconstruction: ``[N, ...]``, row by row what the model makes of ``original``.
        columns: pairs of pictures a line.
        limits: the values drawn as black and white; by default 0 and 1 where the originals lie in there, else
            their range.
        ax: to draw in; default: a new figure.

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
            code="D084",
        )
    limits = limits or joint_limits([upper, lower])
    error = float(np.sqrt(np.mean((upper - lower) ** 2)))
    count = len(upper)
    columns = min(columns, count) if is_picture(upper) else count
    lines = math.ceil(count / columns)
    if is_picture(upper):
        size = (0.66 * columns + 1.04, 1.42 * lines * upper.shape[2] / upper.shape[3])
    else:
        size = (3.4, 3.4) if upper.shape[1] <= 2 else (FULL_WIDTH, 2.4)
    with house_style():
        column = panels(ax, size, heights=[1.0] * lines)[:, 0]
        for line, axes in enumerate(column):
            rows = slice(line * columns, (line + 1) * columns)
            draw_pairs(axes, upper[rows], lower[rows], columns, limits)
    return Illustration(
        column[0].figure,
        f"{count} data points and their reconstructions; root mean squared error {error:.3f}.",
        "Test data, and below it the reconstruction: the mean of p(x | z) at the mean of q(z | x). "
        f"Root mean squared error of these {count}: {error:.3f}.",
    )


def draw_pairs(
    axes: Axes, upper: Array, lower: Array, columns: int, limits: Limits, names: tuple[str, str] = _NAMES
) -> None:
    """Draw originals and reconstructions: pictures above each other, points joined by lines, curves overlaid.

    Args:
        axes: to draw in.
        upper: originals, [N, ...].
        lower: their reconstructions, likewise.
        columns: pairs of pictures a line.
        limits: the values drawn as black and white.
        names: of the two rows of pictures.
    """
    if is_picture(upper):
        _pairs(axes, upper, lower, columns, limits, names)
    elif upper.shape[1] <= 2:
        _joined_points(axes, upper, lower)
    else:
        _overlaid_curves(axes, upper, lower, limits)


def _pairs(axes: Axes, upper: Array, lower: Array, columns: int, limits: Limits, names: tuple[str, str]) -> None:
    """One line of pictures above one of reconstructions; a last line that is not full keeps its scale."""
    data, model = (mosaic(part, columns, limits) for part in (upper, lower))
    draw_mosaic(axes, np.concatenate([data, np.zeros_like(data[:1]), model]))
    height = data.shape[0]
    axes.set_yticks([0.5 * height, 1.5 * height + 1], names)
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


_SHAPES = ("o", "s", "^", "D", "v", "P", "<", "X", ">", "p")
"""One for each colour: classes differ for eyes that tell no colours apart, and on paper without any."""

_MAX_POINTS = 1500  # more points than this only make the file large and the picture dark


def latent_space(z: Any, labels: Any = None, *, label_name: str = "y", ax: MaybeAxes = None) -> Illustration:
    """Scatter codes in two dimensions, coloured by label where there is one.

    Args:
        z: ``[N, D]`` posterior means. One dimension is spread over a line a label; two are drawn as they are; more are
            projected on their two principal components, and the axes state how much of the variance each explains.
        labels: ``[N]`` integers, or None. Labels are also written at the middle of their points, since colours alone
            do not tell ten classes apart for every eye.
        label_name: what the labels are, for the caption.
        ax: to draw in; default: a new figure.

    Returns:
        The figure; of more than 1500 codes an even selection is drawn.

    Raises:
        DataError: if labels and codes differ in number, or there is nothing finite to draw.
    """
    dims = math.prod(np.shape(z)[1:]) if np.ndim(z) > 1 else 1
    with house_style():
        ((axes,),) = panels(ax, (4.6, 4.0 if dims > 1 else 2.8))
        count, is_projected = draw_codes(axes, z, labels, label_name)
    projected = f", projected from {dims} dimensions on the two principal components" if is_projected else ""
    coloured = "" if labels is None else f", coloured by {label_name}"
    caption = f"Posterior means of {count} test data points{projected}{coloured}."
    if labels is not None:
        caption += " Classes that lie apart here are apart in the code"
        caption += "; those that overlap may yet differ in another direction." if is_projected else "."
    return Illustration(axes.figure, f"Latent space: {count} codes{projected}{coloured}.", caption)


def draw_codes(axes: Axes, z: Any, labels: Any = None, label_name: str = "y") -> tuple[int, bool]:
    """Scatter codes on axes of one's own, as :func:`latent_space` does.

    Args:
        axes: to draw in.
        z: [N, D] codes.
        labels: [N] integers, or ``None``.
        label_name: what the labels are.

    Returns:
        How many codes were drawn, and whether they were projected on two principal components.

    Raises:
        DataError: if labels and codes differ in number, or there is nothing finite to draw.
    """
    codes = flat_codes(z)
    classes = None if labels is None else np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels)
    if classes is not None and classes.shape != (len(codes),):
        raise DataError(
            "latent_space: one label a code",
            expected=f"({len(codes)},)",
            got=str(classes.shape),
            fix="pass the labels of the same data points, of shape [N]",
            code="D085",
        )
    dims = codes.shape[1]
    points, explained = plane_of(codes)
    if len(points) > _MAX_POINTS:
        kept = np.linspace(0, len(points) - 1, _MAX_POINTS).round().astype(int)
        points, classes = points[kept], None if classes is None else classes[kept]

    _draw(axes, points, classes)
    if dims == 1:
        axes.set(xlabel="z", ylabel="" if classes is None else label_name, yticks=[])
        return len(points), False
    names = ["z₁", "z₂"]
    if explained is not None:
        names = [f"component {place} ({share:.0%} of variance)" for place, share in enumerate(explained, 1)]
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel=names[0], ylabel=names[1])
    return len(points), explained is not None


def flat_codes(z: Any) -> Array:
    """Codes ``[N, *event]`` as ``[N, D]``: one of event shape [4, 2, 2] is no picture of four channels."""
    return to_points(z.reshape(len(z), -1) if np.ndim(z) > 2 else z, "z")


def plane_of(codes: Array) -> tuple[Array, tuple[float, float] | None]:
    """The codes as they are drawn, [N, 1 or 2], and how much of the variance each axis explains, if projected."""
    return (codes, None) if codes.shape[1] <= 2 else principal_components(codes)


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
    """One collection of dots a class, its name near the median of its points, and a legend beside the axes."""
    names = [None] if classes is None else np.unique(classes).tolist()
    if classes is not None and len(names) > len(PALETTE):
        _draw_ordered(axes, points, classes)
        return
    for index, name in enumerate(names):
        chosen = points if classes is None else points[classes == name]
        across, up = chosen[:, 0], chosen[:, 1] if points.shape[1] > 1 else np.full(len(chosen), float(index))
        colour = PALETTE[index % len(PALETTE)]
        label = None if name is None else str(name)
        shape = _SHAPES[index % len(_SHAPES)]
        axes.scatter(across, up, s=13, color=colour, marker=shape, linewidths=0, label=label)
    if classes is not None and points.shape[1] > 1:
        _name(axes, [str(name) for name in names], [points[classes == name] for name in names])
    if classes is not None:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1, markerscale=1.5)


def _name(axes: Axes, names: list[str], members: list[Array]) -> None:
    """A class's name in a circle near the median of its points, as near as the other circles allow."""
    medians = axes.transData.transform([np.median(own, axis=0) for own in members])
    places = axes.transData.inverted().transform(set_apart(medians, _NAME_WIDTH * axes.figure.dpi / 72))
    for index, (name, place) in enumerate(zip(names, places, strict=True)):
        colour = PALETTE[index % len(PALETTE)]
        circle = {"boxstyle": "circle,pad=0.25", "facecolor": PAPER, "edgecolor": colour, "linewidth": 1.2}
        axes.annotate(name, tuple(place), ha="center", va="center", color=INK, weight="bold", bbox=circle)


def _draw_ordered(axes: Axes, points: Array, classes: npt.NDArray[Any]) -> None:
    """More labels than colours: one scale of brightness, since so many are mostly ordered (a position, a size)."""
    up = points[:, 1] if points.shape[1] > 1 else classes
    # One end of the scale is as bright as light paper, and the other as dark as dark paper: a line holds them.
    dots = axes.scatter(points[:, 0], up, s=13, c=classes, cmap="cividis", linewidths=0.4, edgecolors=MUTED)
    bar = axes.figure.colorbar(dots, ax=axes, shrink=0.7, pad=0.02)
    bar.outline.set_visible(False)
