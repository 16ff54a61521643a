"""The model of a table, whatever its format: blocks of rows, notes, footnotes."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar

from ppgen.estimate import Estimate
from ppgen.evaluation.answer import Answer
from ppgen.evaluation.metric import Column, in_order
from ppgen.evaluation.over_fits import means_of_fits
from ppgen.evaluation.sampling import DECODED
from ppgen.evaluation.scorecard import Scorecard, asked_of

__all__ = ["Block", "Cell", "Row", "blocks", "comparable", "grouped"]

K = TypeVar("K")
V = TypeVar("V")
_NAMES = {"real/real": "real training data"}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One number in print, or ``—`` with the number of a footnote, or nothing.

    Args:
        value: the number.
        bound: what it is a bound of the true value.
        error: its standard error.
        after: what follows.
        note: of the footnote that says why there is no number.
    """

    value: str = ""
    bound: Literal["lower bound", "upper bound", ""] = ""
    error: str = ""
    after: str = ""
    note: int | None = None

    @property
    def is_number(self) -> bool:
        """Whether there is a number."""
        return bool(self.value) and self.note is None

    @property
    def mark(self) -> str:
        """How the true value stands to the number: ``"≥"``, ``"≤"`` or ``""``."""
        return {"lower bound": "≥", "upper bound": "≤", "": ""}[self.bound]


@dataclasses.dataclass(frozen=True)
class Row:
    """A model or a baseline: its numbers, and the reason if it has none at all."""

    name: str
    cells: Sequence[Cell]
    baseline: bool = False
    refusal: str = ""


@dataclasses.dataclass(frozen=True)
class Block:
    """Rows whose numbers may stand in one column: one question, one data set, one measure.

    Args:
        question: which is answered.
        subject: the data, and the measure of a density.
        columns: the metrics.
        rows: models, then baselines.
        provenance: what each number is.
        caveats: without which the numbers would be misread.
        refusals: the reasons of the cells that are ``—``; the first is footnote 1.
        rows_are: what a row is about.
    """

    question: str
    subject: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    provenance: Sequence[str] = ()
    caveats: Sequence[str] = ()
    refusals: Sequence[str] = ()
    rows_are: str = "model"

    @property
    def title(self) -> str:
        """Question and subject."""
        return f"{self.question.capitalize()}: {self.subject}"

    @property
    def notes(self) -> list[str]:
        """All that is said below the numbers, but for the refusals."""
        return [*self.provenance, *self.caveats]

    @property
    def footnotes(self) -> list[str]:
        """The notes, and the refusals with their numbers."""
        return [*self.notes, *(f"[{number}] {reason}" for number, reason in enumerate(self.refusals, 1))]

    @property
    def refusals_of_cells(self) -> dict[int, str]:
        """The refusals by number, less those of rows without any number, whose place is in the row itself."""
        noted = {cell.note for row in self.rows if not row.refusal for cell in row.cells}
        return {n: text for n, text in enumerate(self.refusals, 1) if n in noted or not self.columns}

    @property
    def error_widths(self) -> list[int]:
        """For each column, the characters of its longest standard error, so that numbers can be lined up."""
        return [
            max((len(row.cells[place].error) for row in self.rows), default=0) for place in range(len(self.columns))
        ]


def blocks(cards: Mapping[str, Scorecard]) -> list[Block]:
    """Lay out a table for each question, and for each data set and measure apart.

    Args:
        cards: by name, in the order of the rows.
    """
    return [
        _block(question, group, measure)
        for question in in_order(question for card in cards.values() for question in card.questions)
        for (_, measure), group in comparable(cards, question).items()
    ]


def comparable(cards: Mapping[str, Scorecard], question: str) -> dict[tuple[str, str], dict[str, Scorecard]]:
    """Cards by fingerprint of the data and measure of the density: those whose numbers may stand in one column.

    A model without a density stands with the first on its data that has one. For other questions there is no measure.

    Args:
        cards: by name.
        question: that the numbers answer.
    """
    first = grouped((card.fingerprint, card.log_prob.measure) for card in cards.values() if card.log_prob is not None)
    keys = {}
    for name, card in cards.items():
        known = [card.log_prob.measure] if card.log_prob is not None else first.get(card.fingerprint, [""])
        keys[name] = (card.fingerprint, known[0] if question == "density" else "")
    return {key: dict(group) for key, group in grouped((keys[name], (name, cards[name])) for name in cards).items()}


def grouped(entries: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """Values by key, in the order of their first appearance.

    Example:
        >>> grouped([("odd", 1), ("even", 2), ("odd", 3)])
        {'odd': [1, 3], 'even': [2]}
    """
    found: dict[K, list[V]] = {}
    for key, value in entries:
        found.setdefault(key, []).append(value)
    return found


def _block(question: str, cards: Mapping[str, Scorecard], measure: str) -> Block:
    found = {name: {answer.column: answer for answer in card.answers} for name, card in cards.items()}
    columns = [
        column
        for column in asked_of(cards.values())
        if column.question == question
        and any(answers[column].estimate for answers in found.values() if column in answers)
    ]
    placed = {name: [answers.get(column) or Answer(column) for column in columns] for name, answers in found.items()}
    models = {name: [answer.estimate for answer in answers] for name, answers in placed.items()}
    baselines = _baselines(cards, columns)
    digits = [_digits(column) for column in zip(*models.values(), *baselines.values(), strict=True)]
    # There is none where a number would repeat another, such as the ELBO of an exact density.
    reasons = {name: [answer.refusal for answer in answers] for name, answers in placed.items()}
    refusals = list(dict.fromkeys(reason for missing in reasons.values() for reason in missing if reason))
    rows = []
    for name, estimates in models.items():
        notes = [refusals.index(reason) + 1 if reason else None for reason in reasons[name]]
        cells = [_cell(*each) for each in zip(estimates, columns, digits, notes, strict=True)]
        silent = not any(cell.is_number for cell in cells)
        rows.append(Row(name, cells, refusal=next(filter(None, reasons[name]), "") if silent else ""))
    rows += [
        Row(
            _NAMES.get(name, name),
            [_cell(*each, None) for each in zip(estimates, columns, digits, strict=True)],
            baseline=True,
        )
        for name, estimates in baselines.items()
    ]
    if not columns:
        refusals = [f"{name}: {card.reason(question) or 'not measured'}" for name, card in cards.items()]
    subject = f"{next(iter(cards.values())).data}" + (f", {measure} measure" if measure else "")
    provenance = _provenance(columns, models, baselines)
    caveats = [*means_of_fits(cards), *_caveats(question, columns, cards)]
    return Block(question, subject, columns, rows, provenance, caveats, refusals)


def _baselines(cards: Mapping[str, Scorecard], columns: Sequence[Column]) -> dict[str, list[Estimate | None]]:
    """The baselines in columns: the first card's for all on the same data; of decoded codes, a row for each card."""
    found: dict[str, list[Estimate | None]] = {}
    for place, column in enumerate(columns):
        asked = ((model, answer) for model, card in cards.items() for answer in card.answers if answer.column == column)
        for model, answer in asked:
            for baseline, estimate in answer.baselines.items():
                row = found.setdefault(
                    f"{model}, {baseline}" if baseline == DECODED else baseline, [None] * len(columns)
                )
                row[place] = row[place] or estimate
    return found


def _provenance(
    columns: Sequence[Column],
    models: Mapping[str, Sequence[Estimate | None]],
    baselines: Mapping[str, Sequence[Estimate | None]],
) -> list[str]:
    """What each number is, kind and estimator, said once for columns that agree."""
    said = []
    for place, column in enumerate(columns):
        found = ((_NAMES.get(name, name), row[place]) for name, row in (*models.items(), *baselines.items()))
        # An exact density may have no estimator to name.
        kinds = grouped((", ".join(filter(None, (e.kind, e.estimator))), name) for name, e in found if e is not None)
        texts = [text if len(kinds) == 1 else f"{text} ({', '.join(names)})" for text, names in kinds.items()]
        said.append(("; ".join(texts), column.title))
    notes = [f"{', '.join(titles)}: {text}" for text, titles in grouped(said).items()]
    if any(cell is not None and cell.standard_error is not None for row in models.values() for cell in row):
        notes.append("± is one standard error")
    return notes


def _caveats(question: str, columns: Sequence[Column], cards: Mapping[str, Scorecard]) -> list[str]:
    """What a reader of a question's numbers must know: which density each is, what samples are given."""
    if question == "density":
        names = grouped((card.density_of, name) for name, card in cards.items() if columns and card.density_of)
        densities = [f"log {density}: {', '.join(those)}" for density, those in names.items() if len(names) > 1]
        return [*densities, "≥ the true value is at least, ≤ at most, what is shown"]
    if question != "sampling":
        return []
    told = [
        (card.facts.get(f"samples_{verb}"), verb, name) for verb in ("given", "are") for name, card in cards.items()
    ]
    facts = grouped((f"samples {verb} {fact}", name) for fact, verb, name in told if fact)
    given = [f"{fact} ({', '.join(names)})" for fact, names in facts.items()]
    networks = grouped(
        (str(network)[:12], name) for name, card in cards.items() if (network := card.facts.get("feature_network"))
    )
    if len(networks) <= 1:
        return [*given, *(f"features of network {network}" for network in networks)]
    notes = [f"features of network {network} ({', '.join(names)})" for network, names in networks.items()]
    return [*given, *notes, "numbers in the features of different networks do not compare"]


def _cell(estimate: Estimate | None, column: Column, digits: int, note: int | None) -> Cell:
    if estimate is None:
        return Cell() if note is None else Cell("—", note=note)
    # An error of exactly zero is a count or a share at its limit, where the error could not be measured.
    error = estimate.standard_error or None
    if ends := estimate.ends():
        return Cell(ends)
    if column.is_count:
        return Cell(f"{estimate.value:.0f}", error="" if error is None else f"{error:.1f}", after=estimate.unit)
    value = f"{estimate.value:.{digits}f}"
    if float(value) == 0.0:
        value = value.lstrip("-")
    bound = estimate.kind if estimate.kind in ("lower bound", "upper bound") else ""
    return Cell(value, bound, "" if error is None else f"{error:.{digits}f}")


def _digits(column: Sequence[Estimate | None]) -> int:
    """Decimals that a column shares: two figures of its typical standard error, else four figures of its values."""
    present = [estimate for estimate in column if estimate is not None]
    errors = [estimate.standard_error for estimate in present if estimate.standard_error]
    largest = max((abs(estimate.value) for estimate in present), default=0.0)
    scale, most = (statistics.median(errors), 1) if errors else (largest, 3)
    return 0 if scale == 0.0 else max(0, min(5, most - math.floor(math.log10(scale))))
