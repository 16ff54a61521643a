"""What a fit answered, metric by metric, as a file and as a card to read."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ppgen.errors import CheckpointError, PpgenError
from ppgen.estimate import Estimate

__all__ = ["METRICS", "QUESTIONS", "Answer", "Metric", "Scorecard", "metrics_of", "reason_of"]


@dataclasses.dataclass
class Answer:
    """The estimates of one question, the baselines beside them, and what could not be said.

    Args:
        estimates: by metric.
        baselines: by metric and name, ``"kid real/real"``.
        refusals: the reason for each metric of the question that has no number.
        per_datum: log-densities [N], for paired comparison.
        facts: what a reader needs to know of how the numbers came about.
    """

    estimates: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    baselines: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    refusals: dict[str, str] = dataclasses.field(default_factory=dict)
    per_datum: np.ndarray | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def reason_of(error: Exception | str) -> str:
    """A refusal on one line."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


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


_ESTIMATES = (*QUESTIONS, "baselines")
_SCORES, _PER_DATUM = "scores.json", "per_datum.npy"


@dataclasses.dataclass(frozen=True, eq=False)
class Scorecard:
    """The answers of one fit to the three questions, each number with what it is.

    Args:
        name: of the model.
        data: in words, ``"digits, test split, 360 data points"``.
        fingerprint: of the test split; numbers compare only where it is the same.
        density: ``log_prob`` (exact, or an importance-weighted lower bound), ``elbo``, ``bits_per_dim``.
        sampling: ``kid``, ``precision``, ``recall``, ``density``, ``coverage``.
        representation: ``linear_probe``, ``knn``, ``reconstruction_error``, ``active_units``.
        baselines: by metric and name: ``"kid real/real"``, ``"linear_probe PCA-20"`` ...
        refusals: the reason for each question or metric without a number.
        per_datum: log p(x_i) [N], or its bound, for paired comparison.
        facts: model, guide, objective, size, seconds, seed, hash of the feature network ...

    Example:
        >>> bound = Estimate(-17.2, 0.2, kind="lower bound", unit="nats", measure="binary", estimator="IWAE-1000")
        >>> card = Scorecard("vae", "digits, test split, 360 data points", "f00d", density={"log_prob": bound},
        ...                  refusals={"sampling": "not asked"})
        >>> print(card)
        vae on digits, test split, 360 data points
          density
            log p           -17.20 ± 0.20 nats/datum (lower bound, IWAE-1000, binary)
          sampling
            not answered: not asked
    """

    name: str
    data: str
    fingerprint: str
    density: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    sampling: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    representation: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    baselines: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    refusals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    per_datum: np.ndarray | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, all but ``per_datum``."""
        record: dict[str, Any] = {
            "name": self.name,
            "data": self.data,
            "fingerprint": self.fingerprint,
            "refusals": dict(self.refusals),
            "facts": dict(self.facts),
        }
        for group in _ESTIMATES:
            record[group] = {key: estimate.to_dict() for key, estimate in getattr(self, group).items()}
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], per_datum: np.ndarray | None = None) -> Scorecard:
        """The inverse of :meth:`to_dict`."""
        plain = {key: record[key] for key in ("name", "data", "fingerprint", "refusals", "facts")}
        groups = {
            group: {key: Estimate.from_dict(estimate) for key, estimate in record[group].items()}
            for group in _ESTIMATES
        }
        return cls(**{**plain, **groups}, per_datum=per_datum)

    def baselines_of(self, metric: str) -> dict[str, Estimate]:
        """The baselines of one metric by name: ``{"real/real": ...}``."""
        head = f"{metric} "
        return {key.removeprefix(head): value for key, value in self.baselines.items() if key.startswith(head)}

    def reason(self, question: str, metric: str) -> str:
        """Why a metric has no number: the reason of its whole question, or its own; ``""`` where none is known."""
        if not getattr(self, question) and question in self.refusals:
            return self.refusals[question]
        # One metric of samples is called density, as is a question: its key holds the reason of the question.
        return "" if metric in QUESTIONS else self.refusals.get(metric, "")

    def save(self, folder: Path | str) -> Path:
        """Write ``scores.json``, and ``per_datum.npy`` where there are densities, to a run folder.

        Returns:
            The path of ``scores.json``.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if self.per_datum is None:
            (folder / _PER_DATUM).unlink(missing_ok=True)
        else:
            stream = io.BytesIO()
            np.save(stream, self.per_datum, allow_pickle=False)
            _replace(folder / _PER_DATUM, stream.getvalue())
        record = self.to_dict() | {"num_per_datum": None if self.per_datum is None else len(self.per_datum)}
        _replace(folder / _SCORES, json.dumps(record, indent=2, ensure_ascii=False).encode())
        return folder / _SCORES

    @classmethod
    def load(cls, folder: Path | str) -> Scorecard:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: if there are no scores in the folder, or they are damaged.
        """
        folder = Path(folder)
        try:
            record = json.loads((folder / _SCORES).read_text(encoding="utf-8"))
            count = record["num_per_datum"]
            per_datum = None if count is None else np.load(folder / _PER_DATUM, allow_pickle=False)
            if per_datum is not None and per_datum.shape != (count,):
                raise ValueError(f"{_PER_DATUM} holds {per_datum.shape} values, not ({count},)")
            return cls.from_dict(record, per_datum)
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{folder}: there are no scores here",
                expected=f"a run folder with {Path(error.filename).name}",
                got="no such file",
                fix=f'ppgen.evaluate(ppgen.load("{folder}")).save("{folder}")',
            ) from error
        except (ValueError, KeyError, TypeError, EOFError, PpgenError) as error:
            raise CheckpointError(
                f"{folder}: the scores are damaged",
                expected="the scores that ppgen wrote",
                got=f"{type(error).__name__}: {error}",
                fix=f'evaluate again: ppgen.evaluate(ppgen.load("{folder}")).save("{folder}")',
            ) from error

    def __str__(self) -> str:
        lines = [f"{self.name} on {self.data}"]
        for question in QUESTIONS:
            estimates = getattr(self, question)
            shown = []
            for metric in metrics_of(question):
                if metric.key in estimates:
                    shown.append(f"    {metric.title:<15} {estimates[metric.key]}")
                    baselines = self.baselines_of(metric.key).items()
                    shown += [f"      {name:<25} {baseline.short()}" for name, baseline in baselines]
                elif estimates and (reason := self.reason(question, metric.key)):
                    shown.append(f"    {metric.title:<15} not answered: {reason}")
            if question in self.refusals and not estimates:
                shown = [f"    not answered: {self.refusals[question]}"]
            if shown:
                lines += [f"  {question}", *shown]
        if network := self.facts.get("feature_network"):
            lines.append(f"  features of network {network[:12]}")
        return "\n".join(lines)


def _replace(path: Path, content: bytes) -> None:
    """Write all of a file or nothing of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
