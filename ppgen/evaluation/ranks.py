"""The ranks that a set of paired differences leaves open."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ppgen.estimate import Estimate
from ppgen.evaluation.paired_difference import PairedDifference
from ppgen.evaluation.scorecard import Scorecard

__all__ = ["Standing", "standings"]


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
        if self.best is None:
            return f"{self.name}: no rank: {self.reason}"
        return f"{self.name}: rank {self.rank}"

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
        Group by group, best first; then the models without a rank, each with the reason.
    """
    peers: dict[str, dict[str, None]] = {name: {name: None} for name in cards}
    for pair in pairs:
        if pair.difference is not None:
            peers[pair.first][pair.second] = peers[pair.second][pair.first] = None
    groups = {frozenset(members): None for members in peers.values()}
    placed, unplaced = [], []
    for group in groups:
        if len(group) > 1:
            placed += _ranked(group, cards, pairs)
        else:
            (name,) = group
            estimate = cards[name].density.get("log_prob")
            unplaced.append(Standing(name, estimate=estimate, reason=_reason(name, cards, pairs)))
    return placed + unplaced


def _ranked(group: frozenset[str], cards: Mapping[str, Scorecard], pairs: Sequence[PairedDifference]) -> list[Standing]:
    shown = [pair for pair in pairs if pair.proven and pair.first in group]
    placed = []
    for name in group:
        card = cards[name]
        estimate = card.density["log_prob"]
        lost = sum(pair.winner != name and name in (pair.first, pair.second) for pair in shown)
        won = sum(pair.winner == name for pair in shown)
        what = f"log {card.facts.get('density_of', 'p(x)')} of {card.data}"
        what += f", {estimate.measure} measure" if estimate.measure else ""
        placed.append((1 + lost, len(group) - won, -estimate.value, name, what, estimate))
    placed.sort(key=lambda entry: entry[:4])
    return [Standing(name, best, worst, what, estimate) for best, worst, _, name, what, estimate in placed]


def _reason(name: str, cards: Mapping[str, Scorecard], pairs: Sequence[PairedDifference]) -> str:
    """Why a model has no peer: its own reason, else the first of its pairs that says one."""
    card = cards[name]
    if "log_prob" not in card.density:
        return card.refusals.get("density", "no density was measured")
    for pair in pairs:
        other = {pair.first: pair.second, pair.second: pair.first}.get(name)
        if other is not None and "log_prob" in cards[other].density:
            return pair.verdict.removeprefix("cannot be ranked: ")
    return "there is nothing to compare it with"
