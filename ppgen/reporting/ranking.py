"""The ranking as a forest plot: every number with its interval, its kind and its floor, one axis a measure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import FULL_WIDTH, INK, LINE, MUTED, PALETTE, PAPER, house_style, new_figure, numeral

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from ppgen.evaluation import Scorecard

__all__ = ["baselines_of", "by_measure", "density_of", "measure_of", "ranking"]


def by_measure(cards: Iterable[Scorecard]) -> list[list[Scorecard]]:
    """Cards that saw the same test data and whose densities refer to the same measure, together.

    A model without a density joins the first group on its data: it has no measure that could be mixed up.
    """
    datasets: dict[str, list[Scorecard]] = {}
    for card in cards:
        datasets.setdefault(card.fingerprint, []).append(card)
    blocks: list[list[Scorecard]] = []
    for block in datasets.values():
        measures = dict.fromkeys(measure_of([card]) for card in block if measure_of([card])) or {"": None}
        first = next(iter(measures))
        blocks += [[card for card in block if (measure_of([card]) or first) == measure] for measure in measures]
    return blocks


def measure_of(cards: Sequence[Scorecard]) -> str:
    """The measure of the first density among the cards, or nothing."""
    return next((card.density["log_prob"].measure for card in cards if "log_prob" in card.density), "")


def density_of(card: Scorecard) -> str:
    """Which density the card's log-probability is of: ``p(x)``, or ``p(x | y)`` for a conditional model."""
    return str(card.facts.get("density_of", "p(x)"))


def baselines_of(cards: Iterable[Scorecard], metric: str) -> dict[str, Estimate]:
    """The baselines of one metric by name; cards on the same data share them, so the first one speaks for all."""
    found: dict[str, Estimate] = {}
    for card in cards:
        for name, estimate in card.baselines_of(metric).items():
            found.setdefault(name, estimate)
    return found


_Z95 = 1.96  # standard errors in half a 95 % interval
_PANELS = (("density", "log_prob"), ("sampling", "kid"))


def ranking(cards: Mapping[str, Scorecard] | Iterable[Scorecard]) -> Illustration:
    """Draw log p(x) and KID of all models, a line each, with 95 % intervals.

    A filled dot is an exact value. A lower bound is an arrow that points to where the true value lies, so that two
    arrows never look like an order. Baselines are hollow; the KID between real data and real data, below which a
    difference means nothing, is a dashed line. Data sets and measures that cannot be compared get axes of their own.

    Args:
        cards: the scorecards of a comparison, in any order.

    Returns:
        The figure, best on top.

    Raises:
        SettingError: if there is no scorecard.
    """
    listed = list(cards.values()) if isinstance(cards, Mapping) else list(cards)
    if not listed:
        raise SettingError("ranking: no scorecard to draw", expected="at least one", fix="ppgen.compare({...})")
    blocks = by_measure(listed)

    with house_style():
        heights = [0.27 * (len(block) + len(baselines_of(block, "log_prob"))) + 0.9 for block in blocks]
        figure = new_figure(FULL_WIDTH, sum(heights))
        axes_grid = figure.subplots(len(blocks), 2, squeeze=False, sharey="row", height_ratios=heights)
        kinds: list[str] = []
        for axes_row, block in zip(axes_grid, blocks, strict=True):
            kinds += _block(axes_row, block, block[0].data if len(blocks) > 1 else "")
        handles = _legend(kinds)
        if handles:
            figure.legend(handles=handles, loc="outside lower left", ncols=4, handletextpad=0.4, columnspacing=1.6)
    return Illustration(
        figure,
        f"Ranking: {'; '.join(_sentence(card) for card in listed)}.",
        "Bars are 95 % intervals of the mean over the test data. Two arrows by themselves prove no order. A density "
        "that is told a label, p(x | y), has no rank among those that are not.",
    )


def _block(axes_row: Sequence[Axes], block: Sequence[Scorecard], title: str) -> list[str]:
    """Draw the models that share data and measure; the kinds of estimate met are returned for the legend."""
    cards = sorted(block, key=_order)
    baselines = baselines_of(block, "log_prob")
    names = [_label(card) for card in cards] + list(baselines)
    kinds: list[str] = []
    ceilings = {
        "log_prob": math.inf,
        "kid": _ceiling([card.sampling["kid"].value for card in cards if "kid" in card.sampling]),
    }
    for axes, (question, metric) in zip(axes_row, _PANELS, strict=True):
        for row, card in enumerate(cards):
            estimate = getattr(card, question).get(metric)
            if estimate is None:
                reason = "no density" if metric == "log_prob" else "not measured"
                axes.annotate(
                    reason, (0.02, row), xycoords=("axes fraction", "data"), va="center", color=MUTED, style="italic"
                )
                continue
            # "exact" in the legend is said of densities: KID has intervals and no other kind.
            kinds += [estimate.kind] if metric == "log_prob" else []
            if estimate.value > ceilings[metric]:
                axes.annotate(
                    f"off the scale: {numeral(estimate.value, 0)}",
                    (0.98, row),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    va="center",
                    color=MUTED,
                    style="italic",
                )
                continue
            _mark(axes, row, estimate, PALETTE[0] if density_of(card) == "p(x)" else PALETTE[1], filled=True)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
    density, sampling = axes_row
    for row, estimate in enumerate(baselines.values(), start=len(cards)):
        kinds.append("baseline")
        _mark(density, row, estimate, MUTED, filled=False)
    measure = measure_of(cards)
    unit = next((card.density["log_prob"].unit for card in cards if "log_prob" in card.density), "nats")
    density.set_xlabel(f"log p, {unit}/datum{f' ({measure})' if measure else ''}: higher is better")
    sampling.set_xlabel("KID of the samples: lower is better")
    density.set_title(title)
    floor = next(iter(baselines_of(block, "kid").values()), None)
    if floor is not None:
        half = _Z95 * (floor.standard_error or 0.0)
        sampling.axvspan(floor.value - half, floor.value + half, color=LINE, alpha=0.6, linewidth=0, zorder=0)
        sampling.axvline(floor.value, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        kinds.append("floor")
    density.set_yticks(range(len(names)), names)
    for label, name in zip(density.get_yticklabels(), names, strict=True):
        label.set_color(MUTED if name in baselines else INK)
    density.set_ylim(len(names) - 0.4, -0.6)
    for axes in axes_row:
        axes.hlines(range(len(names)), 0, 1, transform=axes.get_yaxis_transform(), color=LINE, linewidth=0.4, zorder=0)
    return kinds


def _mark(axes: Axes, row: int, estimate: Estimate, colour: str, *, filled: bool) -> None:
    """One estimate: its interval, its value, and an arrow where it is a bound."""
    half = _Z95 * (estimate.standard_error or 0.0)
    axes.plot([estimate.value - half, estimate.value + half], [row, row], color=colour, linewidth=2.0, alpha=0.55)
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


def _legend(kinds: Sequence[str]) -> list[Line2D]:
    """Handles for the kinds of estimate that were met, in reading order."""
    from matplotlib.lines import Line2D

    dot = {"marker": "o", "linestyle": "", "markersize": 5.5}
    hollow = {**dot, "markerfacecolor": PAPER}
    entries: dict[str, dict[str, Any]] = {
        "exact": {**dot, "color": PALETTE[0], "label": "exact"},
        "lower bound": {**hollow, "color": PALETTE[0], "label": "lower bound: the truth lies right of it"},
        "baseline": {**hollow, "color": MUTED, "label": "baseline"},
        "floor": {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 3)), "label": "real data against real data"},
    }
    return [Line2D([], [], **entry) for kind, entry in entries.items() if kind in kinds]


def _ceiling(values: Sequence[float]) -> float:
    """Where the KID axis ends, so that one failed model does not flatten all others: ten times the median."""
    positive = [value for value in values if value > 0.0]
    return 10.0 * statistics.median(positive) if positive else math.inf


def _label(card: Scorecard) -> str:
    """The model's name, with its density where that is not p(x): p(x | y) is told more, so it stands apart."""
    return card.name if density_of(card) == "p(x)" else f"{card.name}, {density_of(card)}"


def _order(card: Scorecard) -> tuple[bool, bool, float, float]:
    density, kid = card.density.get("log_prob"), card.sampling.get("kid")
    return (
        density is None,
        density_of(card) != "p(x)",
        -density.value if density else 0.0,
        kid.value if kid else float("inf"),
    )


def _sentence(card: Scorecard) -> str:
    density, kid = card.density.get("log_prob"), card.sampling.get("kid")
    first = f"log p {density.short()} ({density.kind})" if density else "no density"
    return f"{card.name}: {first}" + (f", KID {kid.short()}" if kid else "")
