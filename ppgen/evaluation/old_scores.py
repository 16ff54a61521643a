"""Records of scorecards as ppgen 0.1 first wrote them: three questions as fields, refusals by question or by metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ppgen.evaluation.metrics import METRICS

__all__ = ["brought_up_to_date"]

_QUESTIONS = ("density", "sampling", "representation")


def brought_up_to_date(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record of today, whichever it was.

    Args:
        record: what ``scores.json`` holds.

    Example:
        >>> old = {"density": {}, "sampling": {}, "representation": {}, "baselines": {}, "facts": {},
        ...        "refusals": {"density": "no density: implicit model"}}
        >>> brought_up_to_date(old)["answers"]["density"]["log_prob"]["refusal"]
        'no density: implicit model'
    """
    if "answers" in record:
        return record
    record = dict(record)
    record["facts"] = dict(record["facts"])
    of = record["facts"].pop("density_of", "")
    found = {question: record.pop(question) for question in _QUESTIONS}
    baselines, refusals = record.pop("baselines"), record.pop("refusals")
    answers: dict[str, dict[str, Any]] = {question: {} for question in _QUESTIONS}
    for metric in (metric for metric in METRICS if metric.question in _QUESTIONS):
        estimates = found[metric.question]
        number = estimates.get(metric.key)
        if number is not None and metric.question == "density":
            number = {**number, "of": of}
        # One metric of samples is called density, as is a question: that key held the reason of the question.
        own = "" if metric.key in _QUESTIONS else refusals.get(metric.key, "")
        reason = "" if number else (not estimates and refusals.get(metric.question)) or own
        head = f"{metric.key} "
        beside = {key.removeprefix(head): value for key, value in baselines.items() if key.startswith(head)}
        column = dataclasses.asdict(metric.column)
        question, key = column.pop("question"), column.pop("key")
        answers[question][key] = {**column, "estimate": number, "baselines": beside, "refusal": reason}
    return record | {"answers": answers}
