"""Paired differences of log-density, data point by data point, and the ranks that they leave open."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ppgen.estimate import Estimate
from ppgen.evaluation.over_fits import fits_of, variance_over_fits
from ppgen.evaluation.paired_interval import FEWEST, is_decided_by_few, paired_interval
from ppgen.evaluation.scorecard import Scorecard

__all__ = ["PairedDifference", "Standing", "paired_difference", "standings"]


_FLOORS = ("exact", "unbiased", "lower bound")  # the truth is not below
_CEILINGS = ("exact", "unbiased", "upper bound")  # the truth is not above
_NOUNS = {
    "exact": "exact value",
    "unbiased": "unbiased estimate",
    "lower bound": "lower bound",
    "upper bound": "upper bound",
    "biased": "a biased estimate",
    "interval": "the middle of an interval",
}
_LOG_PROB = ("density", "log_prob")


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The mean difference of two models' log-densities on the same data points, and what it proves.

    Args:
        first: name of a model.
        second: name of another.
        difference: mean of ``first - second`` in nats per datum; ``None`` where the two cannot be paired.
        low: lower end of its interval.
        high: upper end.
        winner: the model whose true log-density is shown to be higher, if that is shown.
        bounds_only: whether what is shown is the order of two bounds, and of nothing else.
        reason: why no order is shown.
        fits: of how many fits each is the mean.
    """

    first: str
    second: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    winner: str | None = None
    bounds_only: bool = False
    reason: str = ""
    fits: tuple[int, int] = (1, 1)

    @property
    def verdict(self) -> str:
        """In words: ``"pixelcnn is higher"``, ``"bounds only: ..."`` or ``"cannot be ranked: ..."``."""
        if self.winner is not None:
            return f"{self.winner} is higher"
        return f"{'bounds only' if self.bounds_only else 'cannot be ranked'}: {self.reason}"

    def __str__(self) -> str:
        names = f"{self.first} − {self.second}"
        if self.difference is None or self.low is None or self.high is None:
            return f"{names}: {self.verdict}"
        quarter = (self.high - self.low) / 4.0
        digits = max(2, min(5, 1 - math.floor(math.log10(quarter)))) if quarter > 0.0 else 2
        numbers = [f"{number:+.{digits}f}" for number in (self.difference, self.low, self.high)]
        over = f", over {self.fits[0]} and {self.fits[1]} fits" if self.fits != (1, 1) else ""
        return f"{names}: {numbers[0]} [{numbers[1]}, {numbers[2]}] nats/datum{over}: {self.verdict}"


def paired_difference(first: Scorecard, second: Scorecard, *, level: float = 0.95) -> PairedDifference:
    """Compare two models data point by data point.

    Numbers are paired only if they are the same quantity of the same data: the same test split by fingerprint, the
    same measure and unit, the same density (``p(x | y)`` is told what ``p(x)`` is not).

    Then let H be the model with the higher mean and L the other, and let the interval of ``H - L`` exclude zero (if it
    does not, they cannot be ranked). What follows depends on the kinds of the two numbers, since a lower bound leaves
    open how far above it the true value is, and an upper bound how far below:

    ============================  =================  ==================  ===================  ===================
    H is higher, and ...          L exact, unbiased  L upper bound       L lower bound        L biased, interval
    ============================  =================  ==================  ===================  ===================
    H exact, unbiased             H is higher        H is higher         bounds only          cannot be ranked
    H lower bound                 H is higher        H is higher         bounds only          cannot be ranked
    H upper bound                 bounds only        bounds only         cannot be ranked     cannot be ranked
    H biased, interval            cannot be ranked   cannot be ranked    cannot be ranked     cannot be ranked
    ============================  =================  ==================  ===================  ===================

    So an order is shown only where H's true value is not below its number and L's is not above its own. "Bounds only"
    is the weaker statement that one floor lies above the other, or one ceiling; the true order may be the reverse.

    The interval is over test data and Monte-Carlo draws, holds with probability ``level`` for this pair alone, and
    speaks of these two fits: another seed of training is another model. That of means over several fits is over their
    seeds too: the variances over the fits of both are added to that over data. No order is shown that hangs on a few
    data points.

    Args:
        first: a scorecard with ``per_datum`` values.
        second: another; swapping the two flips the sign and changes no winner.
        level: coverage of the interval.
    """
    obstacle = _obstacle(first, second)
    if obstacle or first.per_datum is None or second.per_datum is None:
        return PairedDifference(first.name, second.name, reason=obstacle)
    beside = [*variance_over_fits(first), *variance_over_fits(second)]
    difference, low, high = paired_interval(first.per_datum, second.per_datum, level=level, beside=beside)
    shown: dict[str, Any] = {"reason": f"the {100 * level:g} % interval of the difference includes 0"}
    if (low > 0.0 or high < 0.0) and is_decided_by_few(first.per_datum, second.per_datum, level=level):
        shown = {"reason": "the differences have heavy tails: a few data points decide their mean"}
    elif low > 0.0 or high < 0.0:
        shown = _shown(first, second) if low > 0.0 else _shown(second, first)
    fits = fits_of(first), fits_of(second)
    return PairedDifference(first.name, second.name, difference, low, high, fits=fits, **shown)


def _obstacle(first: Scorecard, second: Scorecard) -> str:
    """Why two numbers cannot be subtracted, or nothing."""
    for card in (first, second):
        if card.log_prob is None:
            return f"{card.name} has no density ({card.refusals.get(_LOG_PROB, 'not measured')})"
    one, other = first["density"]["log_prob"], second["density"]["log_prob"]
    if first.fingerprint != second.fingerprint:
        return f"the test data differ ({first.data}; {second.data})"
    if one.measure != other.measure:
        return f"the measures differ ({one.measure or 'unknown'}, {other.measure or 'unknown'})"
    if one.unit != other.unit or one.per != other.per:
        return f"the units differ ({one.unit} per {one.per}, {other.unit} per {other.per})"
    if one.of != other.of:
        densities = [estimate.of or "that it does not name" for estimate in (one, other)]
        return f"{first.name} has a density {densities[0]}, {second.name} one {densities[1]}"
    if one.num_dims and other.num_dims and one.num_dims != other.num_dims:
        return f"{first.name}'s density counts {one.num_dims} dimensions, {second.name}'s {other.num_dims}"
    if grid := first.facts.get("grid") or second.facts.get("grid"):
        return f"a continuous density of {grid} has no upper bound; load the data with dequantize=True"
    if first.per_datum is None or second.per_datum is None:
        return f"{(first if first.per_datum is None else second).name} has kept no values of single data points"
    one_size, other_size = len(first.per_datum), len(second.per_datum)
    if one_size != other_size:
        return f"the numbers of data points differ ({one_size}, {other_size})"
    return "" if one_size >= FEWEST else f"{one_size} data points are too few for an interval ({FEWEST} are needed)"


def _shown(higher: Scorecard, lower: Scorecard) -> dict[str, Any]:
    """The fields ``winner``, or ``reason`` and ``bounds_only``, of a difference that is not zero (see the table)."""
    above, top = higher.name, higher["density"]["log_prob"]
    below, bottom = lower.name, lower["density"]["log_prob"]
    if top.kind in _FLOORS and bottom.kind in _CEILINGS:
        return {"winner": above}
    if top.kind in _FLOORS and bottom.kind in _FLOORS:
        return _bounds_only(f"{above}'s {_NOUNS[top.kind]} lies above {below}'s lower bound", below, "higher")
    if top.kind in _CEILINGS and bottom.kind in _CEILINGS:
        return _bounds_only(f"{below}'s {_NOUNS[bottom.kind]} lies below {above}'s upper bound", above, "lower")
    if top.kind == "upper bound" and bottom.kind == "lower bound":
        return {"reason": f"{above}'s true value may lie below, {below}'s above what is shown"}
    vague, number = (above, top) if top.kind in ("biased", "interval") else (below, bottom)
    return {"reason": f"{vague}'s number is {_NOUNS[number.kind]}"}


def _bounds_only(order: str, other: str, end: str) -> dict[str, Any]:
    return {"bounds_only": True, "reason": f"{order}, but {other}'s true value may be the {end} one"}


@dataclasses.dataclass(frozen=True)
class Standing:
    """The place of one model by log-density: an interval of ranks, or the reason why it has none.

    Args:
        name: of the model.
        best: one more than the number of models that are shown to be higher; ``None`` if it cannot be ranked.
        worst: the number of models in its group, less those that are shown to be lower.
        group: what is ranked, in words; models of different groups cannot be compared.
        estimate: its mean log-density.
        reason: why it has no rank.
    """

    name: str
    best: int | None = None
    worst: int | None = None
    group: str = ""
    estimate: Estimate | None = None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.rank}: {self.reason}" if self.best is None else f"{self.name}: rank {self.rank}"

    @property
    def rank(self) -> str:
        """The interval of ranks in words, ``"1"`` or ``"2 to 4"``; ``"no rank"`` where there is none."""
        if self.best is None:
            return "no rank"
        return f"{self.best}" if self.best == self.worst else f"{self.best} to {self.worst}"


def standings(cards: Mapping[str, Scorecard], pairs: Sequence[PairedDifference]) -> list[Standing]:
    """The rank interval of every model, from the orders that are shown and nothing else.

    Models stand in one group if their differences can be taken at all: same test data, same measure, same density.

    Args:
        cards: by name.
        pairs: all paired differences between them.

    Returns:
        Group by group, best first; then the models without a rank.
    """
    peers: dict[str, dict[str, None]] = {name: {name: None} for name in cards}
    for pair in pairs:
        if pair.difference is not None:
            peers[pair.first][pair.second] = peers[pair.second][pair.first] = None
    placed, unplaced = [], []
    for group in dict.fromkeys(frozenset(members) for members in peers.values()):
        if len(group) > 1:
            ranked = [_placed(name, len(group), cards[name], pairs) for name in group]
            placed += [standing for _, standing in sorted(ranked, key=lambda entry: entry[0])]
        else:
            (name,) = group
            unplaced.append(Standing(name, estimate=cards[name].log_prob, reason=_reason(name, cards, pairs)))
    return placed + unplaced


def _placed(
    name: str, size: int, card: Scorecard, pairs: Sequence[PairedDifference]
) -> tuple[tuple[float | str, ...], Standing]:
    """A model's standing in a group of ``size``, and what sorts it there."""
    own = [pair.winner for pair in pairs if pair.winner is not None and name in (pair.first, pair.second)]
    best, worst = 1 + len(own) - own.count(name), size - own.count(name)
    estimate = card["density"]["log_prob"]
    what = f"log {estimate.of or 'p'} of {card.data}" + (f", {estimate.measure} measure" if estimate.measure else "")
    return (best, worst, -estimate.value, name), Standing(name, best, worst, what, estimate)


def _reason(name: str, cards: Mapping[str, Scorecard], pairs: Sequence[PairedDifference]) -> str:
    """Why a model has no peer: its own reason, else the first of its pairs that says one."""
    if cards[name].log_prob is None:
        return cards[name].refusals.get(_LOG_PROB, "no log p was measured")
    for pair in pairs:
        other = {pair.first: pair.second, pair.second: pair.first}.get(name)
        if other is not None and cards[other].log_prob is not None:
            return pair.reason
    return "there is nothing to compare it with"
