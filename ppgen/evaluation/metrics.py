"""The metrics of a scorecard in the order of a reader: their titles, questions and what they mean."""

from __future__ import annotations

import dataclasses
from typing import Literal

__all__ = ["METRICS", "QUESTIONS", "Metric", "metrics_of"]

Question = Literal["density", "sampling", "representation"]
QUESTIONS: tuple[Question, ...] = ("density", "sampling", "representation")


@dataclasses.dataclass(frozen=True)
class Metric:
    """A column of a table.

    Args:
        key: its name in a scorecard.
        question: which question it answers.
        title: its name in print.
        unit: in print, below the title; ``""`` for a pure number.
        better: ``"↑"``, ``"↓"`` or ``""``.
    """

    key: str
    question: Question
    title: str
    unit: str
    better: str


METRICS = (
    Metric("log_prob", "density", "log p", "nats/datum", "↑"),
    Metric("elbo", "density", "ELBO", "nats/datum", "↑"),
    Metric("bits_per_dim", "density", "code length", "bits/dim", "↓"),
    Metric("kid", "sampling", "KID", "", "↓"),
    Metric("precision", "sampling", "precision", "", "↑"),
    Metric("recall", "sampling", "recall", "", "↑"),
    Metric("density", "sampling", "density", "", "↑"),
    Metric("coverage", "sampling", "coverage", "", "↑"),
    Metric("linear_probe", "representation", "linear probe", "accuracy", "↑"),
    Metric("knn", "representation", "k-NN", "accuracy", "↑"),
    Metric("reconstruction_error", "representation", "reconstruction", "squared error", "↓"),
    Metric("active_units", "representation", "active units", "units", ""),
)


def metrics_of(question: str) -> tuple[Metric, ...]:
    """The metrics that answer a question.

    Example:
        >>> [metric.key for metric in metrics_of("density")]
        ['log_prob', 'elbo', 'bits_per_dim']
    """
    return tuple(metric for metric in METRICS if metric.question == question)
