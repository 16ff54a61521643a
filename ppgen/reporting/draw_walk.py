"""A walk through a latent space drawn as it decodes: rows of tiles, curves, or a path of points."""

from __future__ import annotations

import numpy as np

from ppgen.reporting.grids import draw_lines, is_picture, joint_limits, to_points
from ppgen.reporting.mosaic import Array, draw_mosaic, mosaic
from ppgen.reporting.style import INK, MUTED, PALETTE, Axes, MaybeAxes, house_style, new_axes
from ppgen.walks import Walk

__all__ = ["draw_walk"]

_MOST_INCHES = 9.0
_MOST_LABELS = 12


def draw_walk(walk: Walk, ax: MaybeAxes = None, *, site: str | None = None) -> Axes:
    """Draw what a walk decodes to: ``walk.plot(ax=axes)``.

    Pictures become tiles and longer vectors small curves, laid out in the walk's rows and columns; pairs of numbers a
    path in the plane for each row, single numbers a line over the columns.

    Args:
        walk: of ``fit.traverse`` and the like.
        ax: to draw in; default: a new figure of pyplot's.
        site: which observed site; default: the first.

    Returns:
        The axes.

    Raises:
        SettingError: if there is no such site.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 2), "digits", max_epochs=1, progress=False)
        >>> from matplotlib.figure import Figure
        >>> axes = fit.traverse(dims=[0, 1]).plot(ax=Figure().subplots())
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['z[0]', 'z[1]']
    """
    name = next(iter(walk.values)) if site is None else site
    values = walk.values.at(name)
    rows, columns = values.shape[:2]
    points = to_points(values.flatten(0, 1), name)
    # Values beyond those of data would make all that lies within them pale.
    reference = [np.stack([np.full(points.shape[1:], end) for end in walk.ranges[name]])] if name in walk.ranges else []
    limits = joint_limits([*reference, points])
    with house_style():
        if is_picture(points):
            height, width = points.shape[2:]
            across = min(0.62 * columns, _MOST_INCHES)
            ax = new_axes(ax, across + 1.1, across * rows * height / (columns * width) + 0.5)
            draw_mosaic(ax, mosaic(points, columns, limits))
            gap = max(1, round(max(height, width) / 14))
            _label(
                ax,
                walk,
                [i * (width + gap) + width / 2 for i in range(columns)],
                [i * (height + gap) + height / 2 for i in range(rows)],
            )
        elif points.shape[1] > 2:
            ax = new_axes(ax, min(0.9 * columns, _MOST_INCHES) + 1.0, 0.7 * rows + 0.5)
            draw_lines(ax, points, columns, limits, colors=INK, linewidths=0.9)
            ax.set_axis_on()
            ax.spines[:].set_visible(False)
            _label(ax, walk, [i + 0.42 for i in range(columns)], [0.4 - i for i in range(rows)])
        else:
            ax = new_axes(ax, 4.4, 3.6)
            _paths(ax, walk, points.reshape(rows, columns, -1))
    return ax


def _label(ax: Axes, walk: Walk, across: list[float], down: list[float]) -> None:
    """Names of rows and columns, no more than have room."""
    ax.set_yticks(*_with_room(down, walk.row_labels))
    ax.set_xticks(*_with_room(across, walk.column_labels))
    ax.tick_params(axis="both", length=0)


def _with_room(places: list[float], labels: tuple[str, ...]) -> tuple[list[float], list[str]]:
    """Where each label stands; of many, the first, the middle and the last."""
    if not any(labels):
        return [], []
    kept = range(len(labels)) if len(labels) <= _MOST_LABELS else (0, len(labels) // 2, len(labels) - 1)
    return [places[i] for i in kept], [labels[i].replace("-", "−") for i in kept]  # a true minus, as all numbers have


def _paths(ax: Axes, walk: Walk, points: Array) -> None:
    """One line a row: through the plane, or of a number over the columns; a dot where each row ends."""
    for row, path in enumerate(points):
        x, y = (np.arange(len(path)), path[:, 0]) if path.shape[1] == 1 else (path[:, 0], path[:, 1])
        colour = PALETTE[row % len(PALETTE)]
        ax.plot(x, y, color=colour, marker=".", markersize=4, label=walk.row_labels[row])
        ax.scatter(x[-1:], y[-1:], s=24, color=colour, zorder=3)
    if points.shape[2] == 1:
        ax.set_xlabel("step")
    if any(walk.row_labels) and 1 < len(points) <= len(PALETTE):
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=MUTED)
