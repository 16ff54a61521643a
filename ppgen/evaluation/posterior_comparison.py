"""What was found of several guides of one model: a table of distances, one of bounds, and advice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation import layout, table
from ppgen.evaluation.metric import Column
from ppgen.evaluation.remarks import Remark
from ppgen.evaluation.scorecard import Scorecard
from ppgen.fitted import Fit

__all__ = ["COLUMNS", "PosteriorComparison"]

_TITLES: tuple[tuple[str, str, str, str, Literal["higher", "lower", ""]], ...] = (
    ("posterior", "mean_shift", "mean shift", "sd", "lower"),
    ("posterior", "scale_ratio", "scale ratio", "", ""),
    ("posterior", "covariance_error", "covariance error", "", "lower"),
    ("posterior", "sliced_wasserstein", "sliced W1", "sd", "lower"),
    ("posterior", "pareto_k", "k-hat > 0.7", "share", "lower"),
    ("bound", "elbo", "ELBO", "nats/datum", "higher"),
    ("bound", "gap", "log p - ELBO", "nats/datum", "lower"),
    ("bound", "approximation", "of the family", "nats/datum", "lower"),
    ("bound", "amortization", "of the encoder", "nats/datum", "lower"),
    ("bound", "slack", "bound slack", "nats/datum", "lower"),
)
COLUMNS: Mapping[str, Column] = {
    key: Column(key, question=question, title=title, unit=unit, better=better)
    for question, key, title, unit, better in _TITLES
}


@dataclasses.dataclass(frozen=True, eq=False)
class PosteriorComparison:
    """What :func:`ppgen.compare_posteriors` found.

    Args:
        cards: by guide, its numbers.
        fits: by guide; all share one model.
        gold: the draws that they were held against, ArviZ data.
        advice: by guide, one sentence.
    """

    cards: Mapping[str, Scorecard]
    fits: Mapping[str, Fit]
    gold: Any
    advice: Mapping[str, str]

    def __getitem__(self, guide: str) -> dict[str, Estimate]:
        """The numbers of one guide by key: ``found["MeanField"]["mean_shift"]``."""
        if guide not in self.cards:
            raise SettingError(
                f"PosteriorComparison: {guide!r} was not compared",
                expected=", ".join(self.cards),
                got=repr(guide),
                fix=f"found[{next(iter(self.cards))!r}]",
                code="S203",
            )
        card = self.cards[guide]
        return card["posterior"] | card["bound"]

    def to_text(self) -> str:
        """An aligned table for a terminal, and the advice."""
        return table.to_text(*self._parts())

    def to_markdown(self) -> str:
        """The same as Markdown."""
        return table.to_markdown(*self._parts())

    def _repr_html_(self) -> str:
        return table.to_html(*self._parts())

    def __str__(self) -> str:
        return self.to_text()

    def _parts(self) -> tuple[list[layout.Block], list[Remark]]:
        lines = [f"{name}: {sentence}" for name, sentence in self.advice.items()]
        return layout.blocks(self.cards), [Remark("What to do", lines)]
