"""What was found of several scores of outliers: a table for each pair of data sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ppgen.errors import SettingError
from ppgen.evaluation import table
from ppgen.evaluation.detection import Detection
from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.evaluation.metric import Column

__all__ = ["OutlierComparison", "Pair"]

_COLUMNS = {
    "auroc": Column("auroc", question="outliers", title="AUROC", better="higher"),
    "auprc": Column("auprc", question="outliers", title="AUPRC", better="higher"),
    "fpr80": Column("fpr80", question="outliers", title="FPR at 80 %", better="lower"),
    "fpr95": Column("fpr95", question="outliers", title="FPR at 95 %", better="lower"),
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """Scores of one fit, for data that it was fitted to and others.

    Args:
        inside: name of the data.
        outside: name of the others.
        found: by title of the score.
        refused: why a score has no answer, by title.
        notes: what a reader must know of the numbers.
    """

    inside: str
    outside: str
    found: Mapping[str, Detection]
    refused: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def __getitem__(self, score: str) -> Detection:
        if score not in self.found:
            raise SettingError(
                f"outliers: {score!r} has no number",
                expected=", ".join(self.found) or "a score that has an answer",
                got=self.refused.get(score, repr(score)),
                fix=f"pair[{next(iter(self.found), 'typicality')!r}]",
                code="S224",
            )
        return self.found[score]


@dataclasses.dataclass(frozen=True)
class OutlierComparison:
    """What :func:`ppgen.detect_outliers` found: ``print`` shows a table for each pair of data sets.

    Args:
        pairs: in the order of tables.
        level: coverage of the intervals.
    """

    pairs: tuple[Pair, ...]
    level: float = 0.95

    def __getitem__(self, names: tuple[str, str]) -> Pair:
        """One pair: ``found["fashion", "mnist"]["likelihood ratio"].auroc``."""
        known = {(pair.inside, pair.outside): pair for pair in self.pairs}
        if names not in known:
            raise SettingError(
                f"OutlierComparison: no pair {names!r}",
                expected=", ".join(map(repr, known)),
                got=repr(names),
                fix=f"found[{next(iter(known))!r}]",
                code="S225",
            )
        return known[names]

    def to_text(self) -> str:
        """Aligned tables for a terminal."""
        return table.to_text(self._blocks(), [])

    def to_markdown(self) -> str:
        """The same as Markdown."""
        return table.to_markdown(self._blocks(), [])

    def _repr_html_(self) -> str:
        return table.to_html(self._blocks(), [])

    def __str__(self) -> str:
        return self.to_text()

    def _blocks(self) -> list[Block]:
        return [self._block(pair) for pair in self.pairs]

    def _block(self, pair: Pair) -> Block:
        refusals = list(dict.fromkeys(pair.refused.values()))
        rows = [Row(score, [_cell(found, key) for key in _COLUMNS]) for score, found in pair.found.items()]
        none = len(_COLUMNS) - 1
        rows += [
            Row(score, [Cell("—", note=refusals.index(reason) + 1), *[Cell()] * none])
            for score, reason in pair.refused.items()
        ]
        said = f"[ ]: {100 * self.level:g} % intervals by bootstrap"
        subject = f"{pair.outside} told from {pair.inside}"
        return Block("outliers", subject, list(_COLUMNS.values()), rows, [*pair.notes, said], (), refusals, "score")


def _cell(found: Detection, key: str) -> Cell:
    rate = getattr(found, key)
    return Cell(f"{rate.value:.3f}", after=f"[{rate.low:.3f}, {rate.high:.3f}]")
