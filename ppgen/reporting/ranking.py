"""The ranking figure, a forest plot: every number with its interval, its kind and its floor, one axis a measure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation import Scorecard
from ppgen.evaluation.layout import comparable
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import (
    FULL_WIDTH,
    INK,
    LINE,
    MUTED,
    PALETTE,
    PAPER,
    Axes,
    MaybeAxes,
    house_style,
    new_figure,
    numeral,
    panels,
)

__all__ = ["ranking"]


_Z95 = 1.96  # standard errors in half a 95 % interval
_PANELS = ("log_prob", "kid")
_LEGEND = 1.2  # inches of the legend, to the panels above it inside a user's axes
_PHONE_WIDTH = 3.7  # inches of 96 CSS pixels
_BESIDE: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center", "color": MUTED, "style": "italic"}
_FLOOR: dict[str, Any] = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 3))}


def ranking(
    cards: Mapping[str, Scorecard] | Iterable[Scorecard], *, narrow: bool = False, ax: MaybeAxes = None
) -> Illustration:
    """Draw log p(x) and KID of all models, a line each, with 95 % intervals.

    A filled dot is an exact value. A lower bound is an arrow that points to where the true value lies, so that two
    arrows never look like an order. The strongest baseline is hollow; the KID between real data and real data, below
    which a difference means nothing, is a dashed line. Data sets and measures that cannot be compared get axes of
    their own.

    Args:
        cards: the scorecards of a comparison, in any order.
        narrow: one panel below the other, as wide as a phone.
        ax: to draw in, one panel below the other; default: a new figure.

    Returns:
        The figure, best on top.

    Raises:
        SettingError: if there is no scorecard.
    """
    listed = list(cards.values()) if isinstance(cards, Mapping) else list(cards)
    if not listed:
        raise SettingError(
            "ranking: no scorecard to draw", expected="at least one", fix="ppgen.compare({...})", code="S100"
        )
    blocks = comparable({str(place): card for place, card in enumerate(listed)}, "density")

    with house_style():
        narrow = narrow or ax is not None
        heights = [0.27 * (len(block) + len(_strongest(block.values()))) + 0.9 for block in blocks.values()]
        if narrow:
            twice = [height for height in heights for _ in _PANELS]
            legend_below = [] if ax is None else [_LEGEND]
            column = panels(ax, (_PHONE_WIDTH, sum(twice) + 0.6), heights=[*twice, *legend_below])[:, 0]
            axes_grid = column[: len(twice)].reshape(-1, 2)
        else:
            axes_grid = new_figure(FULL_WIDTH, sum(heights)).subplots(
                len(blocks), 2, squeeze=False, sharey="row", height_ratios=heights
            )
        kinds: list[str] = []
        for axes_row, ((_, measure), block) in zip(axes_grid, blocks.items(), strict=True):
            kinds += _draw(list(axes_row), sorted(block.values(), key=_order), measure, ":\n" if narrow else ": ")
            axes_row[0].set_title(str(next(iter(block.values())).data) if len(blocks) > 1 else "")
        if handles := _legend(kinds):
            style: dict[str, Any] = {"handles": handles, "handletextpad": 0.4, "columnspacing": 1.6}
            if ax is None:
                axes_grid[0, 0].figure.legend(loc="outside lower left", ncols=1 if narrow else 4, **style)
            else:
                column[-1].set_axis_off()
                column[-1].legend(loc="upper left", borderaxespad=0.0, **style)
    return Illustration(
        axes_grid[0, 0].figure,
        f"Ranking: {'; '.join(map(_sentence, listed))}.",
        "Bars are 95 % intervals of the mean over the test data. Two arrows by themselves prove no order. A density "
        "that is told a label, p(x | y), has no rank among those that are not.",
    )


def _draw(axes_row: Sequence[Axes], cards: Sequence[Scorecard], measure: str, colon: str) -> list[str]:
    """Draw the models that share data and measure; the kinds of estimate met are returned for the legend."""
    baselines = _strongest(cards)
    names = [*map(_label, cards), *baselines]
    kinds: list[str] = []
    for axes, metric in zip(axes_row, _PANELS, strict=True):
        estimates = [card.estimate(metric) for card in cards]
        ceiling = math.inf if metric == "log_prob" else _ceiling([e.value for e in estimates if e is not None])
        for row, (card, estimate) in enumerate(zip(cards, estimates, strict=True)):
            if estimate is None:
                axes.annotate("no density" if metric == "log_prob" else "not measured", (0.02, row), **_BESIDE)
                continue
            # "exact" in the legend is said of densities: KID has intervals and no other kind.
            kinds += [estimate.kind] if metric == "log_prob" else []
            if estimate.value > ceiling:
                axes.annotate(f"off the scale: {numeral(estimate.value, 0)}", (0.98, row), ha="right", **_BESIDE)
            else:
                _mark(axes, row, estimate, PALETTE[0] if _is_plain(card) else PALETTE[1], filled=True)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
    density, sampling = axes_row
    for row, estimate in enumerate(baselines.values(), start=len(cards)):
        kinds.append("baseline")
        _mark(density, row, estimate, MUTED, filled=False)
    unit = next((card.log_prob.unit for card in cards if card.log_prob is not None), "nats")
    density.set_xlabel(f"log p, {unit}/datum{f' ({measure})' if measure else ''}{colon}higher is better")
    sampling.set_xlabel(f"KID of the samples{colon}lower is better")
    if (floor := next(iter(_baselines(cards, "kid").values()), None)) is not None:
        half = _Z95 * (floor.standard_error or 0.0)
        sampling.axvspan(floor.value - half, floor.value + half, color=LINE, alpha=0.6, linewidth=0, zorder=0)
        sampling.axvline(floor.value, **_FLOOR, zorder=1)
        kinds.append("floor")
    for axes in axes_row:
        axes.set_yticks(range(len(names)), names)
        for label, name in zip(axes.get_yticklabels(), names, strict=False):  # none inside a shared row
            label.set_color(MUTED if name in baselines else INK)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.hlines(range(len(names)), 0, 1, transform=axes.get_yaxis_transform(), color=LINE, linewidth=0.4, zorder=0)
    return kinds


def _baselines(cards: Iterable[Scorecard], metric: str) -> dict[str, Estimate]:
    """The baselines of one metric by name; cards on the same data share them, so the first one speaks for all."""
    found: dict[str, Estimate] = {}
    for card in cards:
        found |= {name: e for name, e in card.baselines_of(metric).items() if name not in found}
    return found


def _strongest(cards: Iterable[Scorecard]) -> dict[str, Estimate]:
    """The best trivial density: weaker ones, such as 8 bits a pixel, lie so low that all models would look alike."""
    found = _baselines(cards, "log_prob")
    return {name: found[name] for name in sorted(found, key=lambda name: -found[name].value)[:1]}


def _mark(axes: Axes, row: int, estimate: Estimate, colour: str, *, filled: bool) -> None:
    """One estimate: its interval, its value, and an arrow where it is a bound."""
    half = _Z95 * (estimate.standard_error or 0.0)
    low = estimate.value - half if estimate.low is None else estimate.low
    high = estimate.value + half if estimate.high is None else estimate.high
    axes.plot([low, high], [row, row], color=colour, linewidth=2.0, alpha=0.55)
    face = colour if filled and estimate.kind != "lower bound" else PAPER
    axes.plot(estimate.value, row, "o", color=colour, markersize=5.5, markerfacecolor=face)
    if estimate.kind in ("lower bound", "upper bound"):
        reach = 26 if estimate.kind == "lower bound" else -26
        axes.annotate(
            "",
            (estimate.value, row),
            xytext=(reach, 0),
            textcoords="offset points",
            arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 1.1},  # the head is at the text's end
        )


def _legend(kinds: Sequence[str]) -> list[Any]:
    """Handles for the kinds of estimate that were met, in reading order."""
    from matplotlib.lines import Line2D

    dot = {"marker": "o", "linestyle": "", "markersize": 5.5}
    hollow = {**dot, "markerfacecolor": PAPER}
    entries: dict[str, dict[str, Any]] = {
        "exact": {**dot, "color": PALETTE[0], "label": "exact"},
        "lower bound": {**hollow, "color": PALETTE[0], "label": "lower bound: the truth lies right of it"},
        "baseline": {**hollow, "color": MUTED, "label": "baseline"},
        "floor": {**_FLOOR, "label": "real data against real data"},
    }
    return [Line2D([], [], **entry) for kind, entry in entries.items() if kind in kinds]


def _ceiling(values: Sequence[float]) -> float:
    """Where the KID axis ends, so that one failed model does not flatten all others: ten times the median."""
    positive = [value for value in values if value > 0.0]
    return 10.0 * statistics.median(positive) if positive else math.inf


def _label(card: Scorecard) -> str:
    """The model's name, with its density where that is not p(x): p(x | y) is told more, so it stands apart."""
    return card.name if _is_plain(card) else f"{card.name}, {card.density_of}"


def _is_plain(card: Scorecard) -> bool:
    """Whether its density is told nothing, or it does not say which it has."""
    return card.density_of in ("p(x)", "")


def _order(card: Scorecard) -> tuple[bool, bool, float, float]:
    density, kid = card.log_prob, card.estimate("kid")
    return (
        density is None,
        not _is_plain(card),
        -density.value if density else 0.0,
        kid.value if kid else math.inf,
    )


def _sentence(card: Scorecard) -> str:
    density, kid = card.log_prob, card.estimate("kid")
    first = f"log p {density.short()} ({density.kind})" if density else "no density"
    return f"{card.name}: {first}" + (f", KID {kid.short()}" if kid else "")
