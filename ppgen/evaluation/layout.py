"""What a table shows, whatever its format: blocks of rows, footnotes, remarks."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

from ppgen.estimate import Estimate
from ppgen.evaluation.paired_difference import PairedDifference
from ppgen.evaluation.ranks import Standing
from ppgen.evaluation.scorecard import QUESTIONS, Metric, Scorecard, metrics_of

__all__ = ["Block", "Cell", "Remark", "Row", "blocks", "remarks"]

_MARKS = {"lower bound": "≥", "upper bound": "≤"}
_NAMES = {"real/real": "real training data"}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One number: bound mark, value, standard error, and what follows; or ``—`` with the number of a footnote."""

    value: str = ""
    mark: str = ""
    error: str = ""
    after: str = ""
    note: int | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """A model or a baseline."""

    name: str
    cells: Sequence[Cell]
    baseline: bool = False


@dataclasses.dataclass(frozen=True)
class Block:
    """Rows whose numbers may stand in one column: one question, one data set, one measure.

    Args:
        title: question and data.
        columns: the metrics.
        rows: models, then baselines.
        notes: what each number is.
        refusals: the reasons of the cells that are ``—``; the first is footnote 1.
    """

    title: str
    columns: Sequence[Metric]
    rows: Sequence[Row]
    notes: Sequence[str]
    refusals: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Remark:
    """A heading and its lines, below the tables."""

    title: str
    lines: Sequence[str]


def blocks(cards: Mapping[str, Scorecard]) -> list[Block]:
    """Lay out a table for each question, and for each data set and measure apart.

    Args:
        cards: by name, in the order of the rows.
    """
    found = []
    for question in QUESTIONS:
        groups: dict[tuple[str, str], dict[str, Scorecard]] = {}
        for name, card in cards.items():
            measure = _measure(card, cards) if question == "density" else ""
            groups.setdefault((card.fingerprint, measure), {})[name] = card
        found += [_block(question, group, measure) for (_, measure), group in groups.items()]
    return found


def remarks(ranking: Sequence[Standing], pairs: Sequence[PairedDifference], level: float) -> list[Remark]:
    """The ranks and the paired differences in words.

    Args:
        ranking: standings in order.
        pairs: paired differences; those that could not be taken are left to the ranking's reasons.
        level: coverage of the intervals.
    """
    found = []
    for group in dict.fromkeys(standing.group for standing in ranking if standing.group):
        lines = [f"{standing.rank}: {standing.name}" for standing in ranking if standing.group == group]
        found.append(Remark(f"Ranks by {group}: those that the differences below leave open", lines))
    if without := [f"{standing.name}: {standing.reason}" for standing in ranking if not standing.group]:
        found.append(Remark("Not ranked", without))
    if taken := [str(pair) for pair in pairs if pair.difference is not None]:
        title = f"Paired differences, with bootstrap intervals of {100 * level:g} %, each for its pair alone"
        found.append(Remark(title, taken))
    return found


def _measure(card: Scorecard, cards: Mapping[str, Scorecard]) -> str:
    """The measure of a card's density; one without density stands with the first on its data that has one."""
    peers = [card, *(other for other in cards.values() if other.fingerprint == card.fingerprint)]
    return next((peer.density["log_prob"].measure for peer in peers if "log_prob" in peer.density), "")


def _block(question: str, cards: Mapping[str, Scorecard], measure: str) -> Block:
    columns = [m for m in metrics_of(question) if any(m.key in getattr(card, question) for card in cards.values())]
    models = {name: [getattr(card, question).get(m.key) for m in columns] for name, card in cards.items()}
    baselines = _baselines(cards, columns)
    values = [*models.values(), *baselines.values()]
    digits = [_digits([row[place] for row in values]) for place in range(len(columns))]
    reasons: dict[str, int] = {}
    rows = []
    for name, estimates in models.items():
        cells = []
        for metric, estimate, many in zip(columns, estimates, digits, strict=True):
            if estimate is None:
                reason = cards[name].reason(question, metric.key)
                # Silence is right where a number would repeat another, such as the ELBO of an exact density.
                cells.append(Cell("—", note=reasons.setdefault(reason, len(reasons) + 1)) if reason else Cell())
            else:
                cells.append(_cell(estimate, many))
        rows.append(Row(name, cells))
    for name, estimates in baselines.items():
        cells = [_cell(e, many) if e is not None else Cell() for e, many in zip(estimates, digits, strict=True)]
        rows.append(Row(_NAMES.get(name, name), cells, baseline=True))
    if not columns:
        for name, card in cards.items():
            reasons.setdefault(f"{name}: {card.refusals.get(question, 'not measured')}", len(reasons) + 1)
    data = next(iter(cards.values())).data
    title = f"{question.capitalize()}: {data}" + (f", {measure} measure" if measure else "")
    return Block(title, columns, rows, _notes(question, columns, models, baselines, cards), list(reasons))


def _baselines(cards: Mapping[str, Scorecard], columns: Sequence[Metric]) -> dict[str, list[Estimate | None]]:
    """The baselines by name, in columns; those of the first card that has them speak for all on the same data."""
    found: dict[str, list[Estimate | None]] = {}
    for place, metric in enumerate(columns):
        for card in cards.values():
            for name, estimate in card.baselines_of(metric.key).items():
                row = found.setdefault(name, [None] * len(columns))
                row[place] = row[place] or estimate
    return found


def _notes(
    question: str,
    columns: Sequence[Metric],
    models: Mapping[str, Sequence[Estimate | None]],
    baselines: Mapping[str, Sequence[Estimate | None]],
    cards: Mapping[str, Scorecard],
) -> list[str]:
    """What each number is: kind, estimator and number of data points, said once for columns that agree."""
    said: dict[str, list[str]] = {}
    for place, metric in enumerate(columns):
        kinds: dict[str, list[str]] = {}
        for name, row in (*models.items(), *baselines.items()):
            estimate = row[place]
            if estimate is not None:
                kinds.setdefault(_provenance(estimate), []).append(_NAMES.get(name, name))
        texts = [text if len(kinds) == 1 else f"{text} ({', '.join(names)})" for text, names in kinds.items()]
        said.setdefault("; ".join(texts), []).append(metric.title)
    notes = [f"{', '.join(titles)}: {text}" for text, titles in said.items()]
    if any(cell.standard_error is not None for row in models.values() for cell in row if cell is not None):
        notes.append("± is one standard error")
    if question == "density":
        asked: dict[str, list[str]] = {}
        for name, card in cards.items():
            if card.density:
                asked.setdefault(f"log {card.facts.get('density_of', 'p(x)')}", []).append(name)
        if len(asked) > 1:
            notes += [f"{density}: {', '.join(names)}" for density, names in asked.items()]
        notes.append("≥ the true value is at least, ≤ at most, what is shown")
    if question == "sampling":
        hashes: dict[str, list[str]] = {}
        for name, card in cards.items():
            if network := card.facts.get("feature_network"):
                hashes.setdefault(network[:12], []).append(name)
        for network, names in hashes.items():
            notes.append(f"features of network {network}" + (f" ({', '.join(names)})" if len(hashes) > 1 else ""))
        if len(hashes) > 1:
            notes.append("numbers in the features of different networks do not compare")
    return notes


def _provenance(estimate: Estimate) -> str:
    parts = [estimate.kind, estimate.estimator]
    return ", ".join(part for part in parts if part)


def _cell(estimate: Estimate, digits: int) -> Cell:
    # An error of exactly zero is a count or a share at its limit, where the error could not be measured.
    error = estimate.standard_error or None
    if estimate.unit.startswith("of "):  # a count
        return Cell(f"{estimate.value:.0f}", "", "" if error is None else f"{error:.1f}", estimate.unit)
    value = f"{estimate.value:.{digits}f}"
    if float(value) == 0.0:
        value = value.lstrip("-")
    return Cell(value, _MARKS.get(estimate.kind, ""), "" if error is None else f"{error:.{digits}f}")


def _digits(column: Sequence[Estimate | None]) -> int:
    """Decimals that a column shares: two figures of its typical standard error, else four figures of its values."""
    present = [estimate for estimate in column if estimate is not None]
    errors = [estimate.standard_error for estimate in present if estimate.standard_error]
    if errors:
        return max(0, min(5, 1 - math.floor(math.log10(statistics.median(errors)))))
    largest = max((abs(estimate.value) for estimate in present), default=0.0)
    if largest == 0.0:
        return 0
    return max(0, min(5, 3 - math.floor(math.log10(largest))))
