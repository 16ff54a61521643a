"""The scorecard of a fit: its estimates by question and metric, as a file and as text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ppgen.errors import CheckpointError, PpgenError
from ppgen.estimate import Estimate
from ppgen.files import replace

__all__ = ["METRICS", "QUESTIONS", "Answer", "DataSplit", "Metric", "Question", "Scorecard", "metrics_of", "reason_of"]

Question = Literal["density", "sampling", "representation"]
QUESTIONS: tuple[Question, ...] = ("density", "sampling", "representation")


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


def reason_of(error: PpgenError) -> str:
    """An error as the reason of a refusal, on one line."""
    parts = {"": error.what, "expected: ": error.expected, "got: ": error.got, "fix: ": error.fix}
    return "; ".join(" ".join(f"{label}{text}".split()) for label, text in parts.items() if text)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A column of a table.

    Args:
        key: its name in a scorecard.
        question: which question it answers.
        title: its name in print.
        unit: in print, below the title; ``""`` for a pure number.
        better: the direction.
        is_count: whether it counts some among all, so that its estimates have the unit ``"of 16"``.
    """

    key: str
    question: Question
    title: str
    unit: str
    better: Literal["higher", "lower", ""]
    is_count: bool = False


METRICS = (
    Metric("log_prob", "density", "log p", "nats/datum", "higher"),
    Metric("elbo", "density", "ELBO", "nats/datum", "higher"),
    Metric("bits_per_dim", "density", "code length", "bits/dim", "lower"),
    Metric("kid", "sampling", "KID", "", "lower"),
    Metric("precision", "sampling", "precision", "", "higher"),
    Metric("recall", "sampling", "recall", "", "higher"),
    Metric("density", "sampling", "density", "", "higher"),
    Metric("coverage", "sampling", "coverage", "", "higher"),
    Metric("linear_probe", "representation", "linear probe", "accuracy", "higher"),
    Metric("knn", "representation", "k-NN", "accuracy", "higher"),
    Metric("reconstruction_error", "representation", "reconstruction", "squared error", "lower"),
    Metric("active_units", "representation", "active units", "units", "", is_count=True),
)


def metrics_of(question: str) -> tuple[Metric, ...]:
    """The metrics that answer a question.

    Example:
        >>> [metric.key for metric in metrics_of("density")]
        ['log_prob', 'elbo', 'bits_per_dim']
    """
    return tuple(metric for metric in METRICS if metric.question == question)


@dataclasses.dataclass(frozen=True)
class DataSplit:
    """The data that a fit is judged on.

    Args:
        name: of the data set.
        size: number of data points.
        split: its name.

    Example:
        >>> print(DataSplit("digits", 360))
        digits, test split, 360 data points
    """

    name: str
    size: int
    split: str = "test"

    @property
    def part(self) -> str:
        """Which part of the data set it is: ``"test split, 360 data points"``."""
        return f"{self.split} split, {self.size} data points"

    def __str__(self) -> str:
        return f"{self.name}, {self.part}"


_SCORES, _PER_DATUM = "scores.json", "per_datum.npy"


@dataclasses.dataclass(frozen=True, eq=False)
class Scorecard:
    """The answers of one fit to the three questions, each number with what it is.

    Args:
        name: of the model.
        data: what it was judged on.
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
        >>> card = Scorecard("vae", DataSplit("digits", 360), "f00d", density={"log_prob": bound},
        ...                  refusals={"sampling": "not asked"})
        >>> print(card)
        vae on digits, test split, 360 data points
          density
            log p           -17.20 ± 0.20 nats/datum (lower bound, IWAE-1000, binary)
          sampling
            not answered: not asked
    """

    name: str
    data: DataSplit
    fingerprint: str
    density: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    sampling: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    representation: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    baselines: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    refusals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    per_datum: np.ndarray | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def log_prob(self) -> Estimate | None:
        """The mean log-density, or its bound, if there is one."""
        return self.density.get("log_prob")

    @property
    def density_of(self) -> str:
        """Which density that is: ``"p(x)"``, or ``"p(x | y)"`` for a conditional model."""
        return str(self.facts.get("density_of", "p(x)"))

    def estimates(self, question: Question) -> Mapping[str, Estimate]:
        """The estimates of one question by metric."""
        return {"density": self.density, "sampling": self.sampling, "representation": self.representation}[question]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, all but ``per_datum``."""
        record = dataclasses.asdict(dataclasses.replace(self, per_datum=None))
        del record["per_datum"]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], per_datum: np.ndarray | None = None) -> Scorecard:
        """The inverse of :meth:`to_dict`.

        Args:
            record: plain data.
            per_datum: log-densities [N], which are no part of it.
        """
        groups = {
            group: {key: Estimate.from_dict(estimate) for key, estimate in record[group].items()}
            for group in (*QUESTIONS, "baselines")
        }
        return cls(**{**record, **groups, "data": DataSplit(**record["data"]), "per_datum": per_datum})

    def baselines_of(self, metric: str) -> dict[str, Estimate]:
        """The baselines of one metric by name: ``{"real/real": ...}``."""
        head = f"{metric} "
        return {key.removeprefix(head): value for key, value in self.baselines.items() if key.startswith(head)}

    def reason(self, metric: Metric) -> str:
        """Why a metric has no number: the reason of its whole question, or its own; ``""`` where none is known."""
        if not self.estimates(metric.question) and metric.question in self.refusals:
            return self.refusals[metric.question]
        # One metric of samples is called density, as is a question: its key holds the reason of the question.
        return "" if metric.key in QUESTIONS else self.refusals.get(metric.key, "")

    def save(self, folder: Path | str) -> Path:
        """Write ``scores.json``, and ``per_datum.npy`` where there are densities, to a run folder.

        Returns:
            The path of ``scores.json``.
        """
        scores, densities = Path(folder) / _SCORES, Path(folder) / _PER_DATUM
        if self.per_datum is None:
            densities.unlink(missing_ok=True)
        else:
            replace(densities, self._write_per_datum)
        record = self.to_dict() | {"num_per_datum": None if self.per_datum is None else len(self.per_datum)}
        text = json.dumps(record, indent=2, ensure_ascii=False)
        replace(scores, lambda path: path.write_text(text, encoding="utf-8"))
        return scores

    def _write_per_datum(self, path: Path) -> None:
        with path.open("wb") as file:  # to a path of another suffix, numpy adds its own
            np.save(file, np.asarray(self.per_datum), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path | str) -> Scorecard:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: if there are no scores in the folder, or they are damaged.
        """
        folder = Path(folder)
        try:
            record = json.loads((folder / _SCORES).read_text(encoding="utf-8"))
            count = record.pop("num_per_datum")
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
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, PpgenError) as error:
            raise CheckpointError(
                f"{folder}: the scores are damaged",
                expected="the scores that ppgen wrote",
                got=f"{type(error).__name__}: {error}",
                fix=f'evaluate again: ppgen.evaluate(ppgen.load("{folder}")).save("{folder}")',
            ) from error

    def __str__(self) -> str:
        lines = [f"{self.name} on {self.data}"]
        for question in QUESTIONS:
            if shown := self._lines(question):
                lines += [f"  {question}", *shown]
        if network := self.facts.get("feature_network"):
            lines.append(f"  features of network {network[:12]}")
        return "\n".join(lines)

    def _lines(self, question: Question) -> list[str]:
        estimates = self.estimates(question)
        if not estimates:
            return [f"    not answered: {self.refusals[question]}"] if question in self.refusals else []
        lines = []
        for metric in metrics_of(question):
            if metric.key in estimates:
                lines.append(f"    {metric.title:<15} {estimates[metric.key]}")
                baselines = self.baselines_of(metric.key).items()
                lines += [f"      {name:<25} {baseline.short()}" for name, baseline in baselines]
            elif reason := self.reason(metric):
                lines.append(f"    {metric.title:<15} not answered: {reason}")
        return lines
