"""Scorecards as data frames: numbers stay numbers, and keep beside them what they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ppgen.estimate import Estimate
from ppgen.evaluation.metrics import METRICS
from ppgen.evaluation.scorecard import Scorecard

if TYPE_CHECKING:
    import pandas

__all__ = ["tidy", "wide"]


def wide(cards: Mapping[str, Scorecard]) -> pandas.DataFrame:
    """A row for each model.

    Args:
        cards: by name.

    Returns:
        Index ``model``; columns (``metric``, ``field``) with the fields ``value`` and ``se`` (float, missing where a
        question is refused) and ``kind`` (text), for every metric that some model has.
    """
    import pandas

    columns = {}
    for metric in METRICS:
        found = [getattr(card, metric.question).get(metric.key) for card in cards.values()]
        if any(found):
            columns[metric.key, "value"] = [None if e is None else e.value for e in found]
            columns[metric.key, "se"] = [None if e is None else e.standard_error for e in found]
            columns[metric.key, "kind"] = [None if e is None else e.kind for e in found]
    frame = pandas.DataFrame(columns, index=pandas.Index(list(cards), name="model"))
    frame.columns = pandas.MultiIndex.from_tuples(list(columns), names=["metric", "field"])
    return frame.astype({key: "string" if key[1] == "kind" else "float64" for key in columns})


def tidy(cards: Mapping[str, Scorecard]) -> pandas.DataFrame:
    """A row for each number, baseline and refusal, with every field of its estimate.

    Args:
        cards: by name.

    Returns:
        Columns ``model``, ``baseline``, ``question``, ``metric``, the fields of :class:`~ppgen.estimate.Estimate`,
        ``reason`` (of a refusal), ``data`` and ``fingerprint``.
    """
    import pandas

    rows = []
    for name, card in cards.items():
        source = {"data": card.data, "fingerprint": card.fingerprint}
        for metric in METRICS:
            head = {"model": name, "question": metric.question, "metric": metric.key}
            estimates: dict[str, Estimate] = {}
            if metric.key in getattr(card, metric.question):
                estimates[""] = getattr(card, metric.question)[metric.key]
            elif reason := card.reason(metric.question, metric.key):
                rows.append({**head, "reason": reason, **source})
            estimates |= card.baselines_of(metric.key)
            rows += [{**head, "baseline": label, **e.to_dict(), **source} for label, e in estimates.items()]
    fields = [field.name for field in dataclasses.fields(Estimate)]
    columns = ["model", "baseline", "question", "metric", *fields, "reason", "data", "fingerprint"]
    return pandas.DataFrame(rows, columns=columns)
