"""The style of all figures: colours, fonts, axes, labels at the ends of lines, numbers in text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

__all__ = [
    "FULL_WIDTH",
    "INK",
    "LINE",
    "MUTED",
    "PAIRS",
    "PALETTE",
    "PAPER",
    "STONE",
    "Axes",
    "Figure",
    "MaybeAxes",
    "epoch_axis",
    "house_style",
    "label_line_ends",
    "new_axes",
    "new_figure",
    "numeral",
    "panels",
    "spread",
]


Axes: TypeAlias = "matplotlib.axes.Axes"
MaybeAxes: TypeAlias = "matplotlib.axes.Axes | None"
Figure: TypeAlias = "matplotlib.figure.Figure"  # matplotlib itself is imported by what draws

PAIRS: dict[str, tuple[str, str]] = {
    "paper": ("#fdfdfb", "#15171a"),
    "ink": ("#1d2026", "#eceae5"),
    "muted": ("#5b626d", "#a5abb5"),
    "line": ("#d9dce1", "#3a3f47"),
    "stone": ("#a3a8b0", "#5d636c"),
    "blue": ("#0072b2", "#4c8fd5"),
    "vermilion": ("#aa3603", "#f5672b"),
    "green": ("#0e7047", "#36cfa2"),
    "purple": ("#8d4b77", "#ceb8e5"),
    "brick": ("#792313", "#ffe352"),
    "azure": ("#2770dc", "#cdfbf1"),
    "indigo": ("#342288", "#926eff"),
    "wine": ("#400007", "#d27264"),
    "pine": ("#16433a", "#a2da72"),
    "navy": ("#002c42", "#678f95"),
}
"""Each colour as (on light paper, on dark paper). Figures are drawn in the light one; the HTML page swaps them.

The last ten tell series and classes apart. They began as Okabe and Ito's (2008) and were moved until any two lie 20
or more apart in CIELAB for normal, protanope and deuteranope eyes (simulated after Machado et al. 2009), and each has a
contrast of 4.5 or more to its paper: that of text, since they write names, too.
"""

PAPER, INK, MUTED, LINE, STONE = (light for light, _ in list(PAIRS.values())[:5])
PALETTE: tuple[str, ...] = tuple(light for light, _ in list(PAIRS.values())[5:])

_BESIDE, _BELOW = 0.9, 0.2  # labels stand between the panels inside a user's axes: shares of a panel, and of all

FULL_WIDTH = 10.0
"""Inches of a figure that takes a line of the page for itself (960 CSS pixels)."""

_SETTINGS: dict[Any, Any] = {
    # DejaVu Sans ships with matplotlib: the same figure on every machine.
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.labelsize": 9.0,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.grid": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    # A model may be called "$x$": names are never read as formulas.
    "text.parse_math": False,
    "text.color": INK,
    "axes.titlecolor": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "savefig.dpi": 200,
    "image.cmap": "gray",
    # Text stays text (selectable, small), and identifiers depend on nothing but the drawing.
    "svg.fonttype": "none",
    "svg.hashsalt": "ppgen",
}


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's settings inside the block are ppgen's; outside it nothing has changed.

    Example:
        >>> with house_style():
        ...     figure = new_figure(3.0, 2.0)
        >>> figure.get_size_inches().tolist()
        [3.0, 2.0]
    """
    import matplotlib

    # A user's matplotlibrc must not leak into a report, so the block starts from matplotlib's own defaults. The
    # backend is left out: setting it, even to itself, may load a graphical toolkit.
    settings: dict[Any, Any] = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")}
    with matplotlib.rc_context(settings | _SETTINGS):
        yield


def new_axes(ax: MaybeAxes, width: float, height: float) -> Axes:
    """The user's axes, or those of a new figure that a notebook shows.

    Args:
        ax: the user's, if there are any.
        width: of a new figure, inches.
        height: likewise.
    """
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height), layout="constrained").subplots()


def new_figure(width: float, height: float, gap: float = 0.02) -> Figure:
    """An empty figure that belongs to no window and to no ``pyplot`` state.

    Args:
        width: inches.
        height: inches.
        gap: between panels side by side, as a fraction of a panel's width.
    """
    import matplotlib.figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    # Hardly any padding, in inches: the page gives the margins.
    return matplotlib.figure.Figure(
        figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.03, wspace=gap)
    )


def panels(
    ax: MaybeAxes, size: tuple[float, float], columns: int = 1, heights: Sequence[float] = (1.0,), gap: float = 0.02
) -> Any:
    """Where a figure is drawn: in axes of the user's own, or in those of a new figure.

    One rule for all figures: ``ax=`` is one axes. A figure of several panels lays them out inside it, as its children
    (``ax.child_axes``, row by row), and draws nothing else there.

    Args:
        ax: the user's, if there are any.
        size: of a new figure, width and height in inches.
        columns: of panels.
        heights: one a row of panels, to each other.
        gap: between panels of a new figure side by side, as a fraction of a panel's width.

    Returns:
        The axes, [rows, columns].

    Example:
        >>> [list(row) for row in panels(None, (4.0, 2.0), columns=2)][0][1].get_gridspec().ncols
        2
    """
    if ax is None:
        return new_figure(*size, gap=gap).subplots(len(heights), columns, squeeze=False, height_ratios=list(heights))
    if columns == len(heights) == 1:
        return np.array([[ax]], dtype=object)
    ax.set_axis_off()
    wide = 1.0 / (columns + _BESIDE * (columns - 1))
    whole = 1.0 + _BELOW * (len(heights) - 1)
    rooms = np.asarray(heights) / np.sum(heights) / whole
    feet = 1.0 - np.cumsum(rooms) - _BELOW / whole * np.arange(len(rooms))
    lefts = (1.0 + _BESIDE) * wide * np.arange(columns)
    places = [
        [ax.inset_axes((left, foot, wide, room)) for left in lefts.tolist()]
        for foot, room in zip(feet.tolist(), rooms.tolist(), strict=True)
    ]
    return np.array(places, dtype=object)


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Positions moved as little as possible, in order, until neighbours are at least ``gap`` apart.

    Overlapping labels form a block that is centred on the mean of what its members wanted: less a step of ``gap``
    each, the positions must not fall, and isotonic regression is the nearest such sequence.

    Args:
        positions: where each label would stand, [N].
        gap: the least distance between two.

    Returns:
        Where each stands, in the order of ``positions``.

    Example:
        >>> [round(position, 9) for position in spread([0.0, 0.1, 5.0], gap=1.0)]
        [-0.45, 0.55, 5.0]
    """
    from sklearn.isotonic import isotonic_regression

    wanted = np.asarray(positions, dtype=np.float64)
    order, steps = np.argsort(wanted, kind="stable"), gap * np.arange(len(wanted))
    placed = np.empty_like(wanted)
    placed[order] = isotonic_regression(wanted[order] - steps) + steps
    return placed.tolist()


def epoch_axis(axes: Axes) -> None:
    """Label the horizontal axis as whole epochs."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def label_line_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write names just right of the ends of their lines, pushed apart where they would overlap.

    Args:
        axes: with the lines drawn.
        ends: ``(x, y, text, colour)`` of each.
    """
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


def numeral(value: float, decimals: int) -> str:
    """A number with a true minus sign and never a negative zero.

    Args:
        value: the number.
        decimals: of its text.

    Example:
        >>> numeral(-18.432, 2), numeral(-0.001, 2)
        ('−18.43', '0.00')
    """
    text = f"{value:.{decimals}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")
    return text.replace("-", "−")
