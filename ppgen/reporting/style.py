"""One restrained look for all figures: colours that survive colour blindness and dark pages, fonts, thin lines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FULL_WIDTH", "INK", "LINE", "MUTED", "PAIRS", "PALETTE", "PAPER", "STONE", "house_style", "new_figure"]

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
    "orange": ("#d67d18", "#ffe352"),
    "sky": ("#428eff", "#cdfbf1"),
    "indigo": ("#332288", "#926eff"),
    "wine": ("#580034", "#d27264"),
    "olive": ("#7b9954", "#a2da72"),
    "grey": ("#81998a", "#678f95"),
}
"""Each colour as (on light paper, on dark paper). Figures are drawn in the light one; the HTML page swaps them.

The last ten tell series and classes apart. They began as Okabe and Ito's (2008) and were moved until any two lie 20
or more apart in CIELAB for normal, protanope and deuteranope eyes (simulated after Machado et al. 2009).
"""

PAPER, INK, MUTED, LINE, STONE = (light for light, _ in list(PAIRS.values())[:5])
PALETTE: tuple[str, ...] = tuple(light for light, _ in list(PAIRS.values())[5:])

FULL_WIDTH = 10.0
"""Inches of a figure that takes a line of the page for itself (960 CSS pixels)."""

_SETTINGS: dict[str, Any] = {
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


def new_figure(width: float, height: float, gap: float = 0.02) -> Figure:
    """An empty figure that belongs to no window and to no ``pyplot`` state.

    Args:
        width: inches.
        height: inches.
        gap: between panels side by side, as a fraction of a panel's width.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    # Hardly any padding, in inches: the page gives the margins.
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.03, wspace=gap))
