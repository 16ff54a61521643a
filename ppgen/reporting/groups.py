"""Which densities may stand on one axis: those of the same data under the same measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ppgen.estimate import Estimate

if TYPE_CHECKING:
    from ppgen.evaluation import Scorecard

__all__ = ["baselines_of", "by_measure", "density_of", "measure_of"]


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
