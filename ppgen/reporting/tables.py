"""The tables of a comparison as the page shows them; what they hold is decided by ``ppgen.evaluation.layout``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ppgen.evaluation.layout import Block, Cell
from ppgen.evaluation.metrics import METRICS, Metric

__all__ = ["ASKED", "Row", "Table", "overview", "tabulate"]

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
