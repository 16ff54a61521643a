"""The tables of a comparison as the page shows them, and its ranks and differences as sentences."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppgen.evaluation.layout import Block, Cell
from ppgen.evaluation.scorecard import METRICS, Metric
from ppgen.reporting.style import numeral

if TYPE_CHECKING:
    from ppgen.evaluation import PairedDifference, Standing

__all__ = ["ASKED", "Row", "Table", "Verdict", "overview", "ranks_in_words", "tabulate", "verdicts_in_words"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One statement about the order of models.

    Args:
        text: the sentence.
        interval: the interval that backs it.
        proven: whether an order is shown.
    """

    text: str
    interval: str = ""
    proven: bool = False


def ranks_in_words(standings: Sequence[Standing]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The ranks of each group of models that can be compared: the group in words, then rank and name of each."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for standing in standings:
        if standing.group:
            groups.setdefault(standing.group, []).append((standing.rank, standing.name))
    return list(groups.items())


def verdicts_in_words(pairs: Sequence[PairedDifference], standings: Sequence[Standing]) -> list[Verdict]:
    """One sentence a pair: orders that are shown first, then what cannot be ranked and why.

    A model that cannot be compared with any other is spoken of once, not once a pair.

    Args:
        pairs: the paired differences of a comparison.
        standings: its ranking.
    """
    verdicts = [_sentence(pair) for pair in pairs if pair.difference is not None]
    verdicts.sort(key=lambda verdict: not verdict.proven)
    alone = {standing.name for standing in standings if not standing.group}
    verdicts += [
        Verdict(f"{pair.first} and {pair.second} {pair.verdict}")
        for pair in pairs
        if pair.difference is None and pair.first not in alone and pair.second not in alone
    ]
    verdicts += [Verdict(f"{one.name} cannot be ranked: {one.reason}") for one in standings if not one.group]
    return verdicts


def _sentence(pair: PairedDifference) -> Verdict:
    """A pair whose difference could be taken, told from the side of the higher one, so that it reads as a gain."""
    difference, low, high = pair.difference or 0.0, pair.low or 0.0, pair.high or 0.0
    higher, other = pair.first, pair.second
    if difference < 0.0:
        difference, low, high = -difference, -high, -low
        higher, other = other, higher
    # Two figures of the standard error, a quarter of the interval, and never more than thousandths of a nat.
    decimals = max(0, min(3, 1 - math.floor(math.log10(max(high - low, 1e-9) / 4))))
    amount = numeral(difference, decimals)
    interval = f"[{numeral(low, decimals)}, {numeral(high, decimals)}]"
    if pair.winner is not None:
        text = f"{higher} assigns higher probability than {other}, by {amount} nats per data point"
        return Verdict(text, interval, proven=True)
    joint = " " if pair.verdict.startswith("cannot be ranked") else ", "
    return Verdict(f"{higher} and {other}{joint}{pair.verdict}", f"{amount} nats {interval}")


ASKED = {
    "density": "How probable is data that the model has never seen?",
    "sampling": "Are its samples like real data, and as varied?",
    "representation": "What does its code tell about the data?",
}
_HEADLINES = ("log_prob", "kid", "coverage", "linear_probe")


@dataclasses.dataclass(frozen=True)
class Row:
    """A model or a baseline: its numbers, or the reason why it has none at all."""

    name: str
    cells: Sequence[Cell]
    baseline: bool = False
    refusal: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows whose numbers may stand in one column.

    Args:
        title: what is measured on what data.
        columns: the metrics.
        widths: for each column, the characters of its longest standard error, so that numbers line up.
        rows: models, then baselines.
        notes: what each number is.
        refusals: by footnote, the reasons of single cells without a number.
    """

    title: str
    columns: Sequence[Metric]
    widths: Sequence[int]
    rows: Sequence[Row]
    notes: Sequence[str]
    refusals: dict[int, str]


def tabulate(blocks: Sequence[Block], question: str) -> list[Table]:
    """The tables that answer one question.

    A model without any number has its reason in place of cells; where some are there, a footnote says why others are
    missing.

    Args:
        blocks: what ``layout.blocks`` lays out.
        question: ``"density"``, ``"sampling"`` or ``"representation"``.
    """
    return [_table(block) for block in blocks if _question(block) == question]


def overview(blocks: Sequence[Block]) -> list[Table]:
    """One number or two for each question: the table that a reader sees first, without baselines.

    Densities of different data or measure stay in tables of their own.
    """
    cells = {
        (row.name, metric.key): cell
        for block in blocks
        for row in block.rows
        if not row.baseline
        for metric, cell in zip(block.columns, row.cells, strict=True)
        if cell.value and cell.note is None
    }
    tables = []
    for block in blocks:
        if _question(block) != "density":
            continue
        names = [row.name for row in block.rows if not row.baseline]
        columns = [
            metric
            for metric in METRICS
            if metric.key in _HEADLINES and any((name, metric.key) in cells for name in names)
        ]
        rows = [Row(name, [cells.get((name, metric.key), Cell()) for metric in columns]) for name in names]
        title = block.title.partition(": ")[2]
        # Of the notes, those without which a density would be misread: which density it is, and what a mark means.
        notes = [note for note in block.notes if note.startswith(("log p(", "≥"))]
        tables.append(Table(title, columns, _widths(rows, len(columns)), rows, notes, {}))
    return tables


def _table(block: Block) -> Table:
    rows = []
    for row in block.rows:
        noted = [cell.note for cell in row.cells if cell.note is not None]
        answered = any(cell.value and cell.note is None for cell in row.cells)
        reason = block.refusals[noted[0] - 1] if noted and not answered else ""
        rows.append(Row(row.name, row.cells, row.baseline, reason))
    shown = {cell.note for row in rows if not row.refusal for cell in row.cells}
    refusals = {number: text for number, text in enumerate(block.refusals, 1) if number in shown or not block.columns}
    return Table(block.title, block.columns, _widths(rows, len(block.columns)), rows, block.notes, refusals)


def _widths(rows: Sequence[Row], columns: int) -> list[int]:
    return [max((len(row.cells[place].error) for row in rows), default=0) for place in range(columns)]


def _question(block: Block) -> str:
    return block.title.partition(":")[0].lower()
