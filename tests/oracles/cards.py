"""Scorecards made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppgen.estimate import Estimate
from ppgen.evaluation import METRICS, Answer, DataSplit, Scorecard


def card_of(
    name: str,
    data: DataSplit,
    fingerprint: str,
    *,
    density: Mapping[str, Estimate] | None = None,
    sampling: Mapping[str, Estimate] | None = None,
    representation: Mapping[str, Estimate] | None = None,
    baselines: Mapping[str, Estimate] | None = None,
    refusals: Mapping[str, str] | None = None,
    **settings: Any,
) -> Scorecard:
    """A card that was asked all metrics of ours, calibration aside.

    Args:
        name: of the model.
        data: what it was judged on.
        fingerprint: of the test split.
        density: estimates by metric.
        sampling: likewise.
        representation: likewise.
        baselines: by metric and name, ``"kid real/real"``.
        refusals: reasons by metric, or by question for all of its metrics.
        **settings: other arguments of the scorecard.
    """
    groups = {"density": density or {}, "sampling": sampling or {}, "representation": representation or {}}
    beside: dict[str, dict[str, Estimate]] = {}
    for label, estimate in (baselines or {}).items():
        key, _, of = label.partition(" ")
        beside.setdefault(key, {})[of] = estimate
    reasons = dict(refusals or {})
    answers = []
    for metric in (metric for metric in METRICS if metric.question in groups):
        number = groups[metric.question].get(metric.key)
        whole = "" if groups[metric.question] else reasons.get(metric.question, "")
        own = "" if metric.key in groups else reasons.get(metric.key, "")  # "density" is a question and a metric
        refusal = "" if number else whole or own
        answers.append(Answer(metric.column, number, beside.get(metric.key, {}), refusal))
    return Scorecard(name, data, fingerprint, tuple(answers), **settings)
