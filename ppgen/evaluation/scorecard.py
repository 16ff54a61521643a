"""The scorecard of a fit: its answers by question and metric, as a file and as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ppgen.accessors import HasAccessors
from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation.answer import Answer
from ppgen.evaluation.data_split import DataSplit
from ppgen.evaluation.metric import Column, in_order
from ppgen.evaluation.old_scores import brought_up_to_date
from ppgen.evaluation.score_files import read_scores, write_scores

__all__ = ["Scorecard", "asked_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Scorecard(HasAccessors):
    """The answers of one fit, each number with what it is: ``card["density"]["log_prob"]``.

    Args:
        name: of the model.
        data: what it was judged on.
        fingerprint: of the test split; numbers compare only where it is the same.
        answers: of each metric that was asked, in the order of tables.
        per_datum: log p(x_i) [N], or its bound, for paired comparison.
        facts: model, guide, objective, size, seconds, seed, hash of the feature network ...
        weights: SHA-256 of the weights that were judged, that of their ``model.safetensors``; ``""`` if not known.

    Raises:
        SettingError: if two answers have one key.

    Example:
        >>> bound = Estimate(-17.2, 0.2, kind="lower bound", unit="nats", measure="binary", estimator="IWAE-1000")
        >>> answers = (Answer(Column("log_prob", question="density", title="log p"), bound),
        ...            Answer(Column("kid", question="sampling", title="KID"), refusal="not asked"))
        >>> card = Scorecard("vae", DataSplit("digits", 360), "f00d", answers)
        >>> print(card)
        vae on digits, test split, 360 data points
          density
            log p           -17.20 ± 0.20 nats/datum (lower bound, IWAE-1000, binary)
          sampling
            not answered: not asked
        >>> card["density"]["log_prob"].value, card.refusals
        (-17.2, {('sampling', 'kid'): 'not asked'})
    """

    name: str
    data: DataSplit
    fingerprint: str
    answers: tuple[Answer, ...] = ()
    per_datum: np.ndarray | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    weights: str = ""

    def __post_init__(self) -> None:
        keys = [answer.column.key for answer in self.answers]
        if twice := [key for key in dict.fromkeys(keys) if keys.count(key) > 1]:
            raise SettingError(
                "Scorecard: two answers have one key",
                expected="a key for each",
                got=", ".join(twice),
                fix="give each metric a key of its own",
                code="S073",
            )

    @property
    def questions(self) -> tuple[str, ...]:
        """What was asked: the known questions first, then others as they come."""
        return in_order(answer.column.question for answer in self.answers)

    def __getitem__(self, question: str) -> dict[str, Estimate]:
        """The estimates of one question by metric; empty if all of its metrics were refused."""
        if question not in self.questions:
            raise SettingError(
                f"scorecard of {self.name}: {question!r} was not asked",
                expected=", ".join(self.questions) or "nothing: the card is empty",
                got=repr(question),
                fix=f'ppgen.evaluate(fit, metrics=["{question}"])',
                code="S074",
            )
        return {a.column.key: a.estimate for a in self._answers_to(question) if a.estimate is not None}

    def __contains__(self, question: object) -> bool:
        """Whether a question was asked."""
        return question in self.questions

    def __iter__(self) -> Iterator[str]:
        """The questions that were asked."""
        return iter(self.questions)

    def __len__(self) -> int:
        """How many questions were asked."""
        return len(self.questions)

    def _answers_to(self, question: str) -> list[Answer]:
        return [answer for answer in self.answers if answer.column.question == question]

    def answer(self, key: str) -> Answer | None:
        """What one metric says; ``None`` if it was not asked.

        Args:
            key: of the metric.
        """
        return next((answer for answer in self.answers if answer.column.key == key), None)

    def estimate(self, key: str) -> Estimate | None:
        """The number of one metric, if there is one.

        Args:
            key: of the metric.
        """
        return None if (answer := self.answer(key)) is None else answer.estimate

    def baselines_of(self, key: str) -> Mapping[str, Estimate]:
        """The baselines of one metric by name: ``{"real/real": ...}``.

        Args:
            key: of the metric.
        """
        return {} if (answer := self.answer(key)) is None else answer.baselines

    @property
    def refusals(self) -> dict[tuple[str, str], str]:
        """The reason for each metric without a number, by question and metric."""
        return {(a.column.question, a.column.key): a.refusal for a in self.answers if a.refusal}

    def reason(self, question: str) -> str:
        """Why a question has no number at all; ``""`` if it has one, or nobody asked.

        Args:
            question: that was asked.
        """
        answers = self._answers_to(question)
        if any(answer.estimate is not None for answer in answers):
            return ""
        return "; ".join(dict.fromkeys(answer.refusal for answer in answers if answer.refusal))

    @property
    def log_prob(self) -> Estimate | None:
        """The mean log-density, or its bound, if there is one."""
        return self.estimate("log_prob")

    @property
    def density_of(self) -> str:
        """Which density it has: ``"p(x)"``, ``"p(x | y)"`` of a conditional model, ``""`` if that is not said."""
        return next((a.estimate.of for a in self._answers_to("density") if a.estimate and a.estimate.of), "")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, all but ``per_datum``; answers by question and metric, with what the metric says of itself."""
        answers: dict[str, dict[str, Any]] = {question: {} for question in self.questions}
        for answer in self.answers:
            told = dataclasses.asdict(answer)
            column = told.pop("column")
            question, key = column.pop("question"), column.pop("key")
            answers[question][key] = column | told
        return {
            "name": self.name,
            "data": dataclasses.asdict(self.data),
            "fingerprint": self.fingerprint,
            "answers": answers,
            "facts": dict(self.facts),
            "weights": self.weights,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], per_datum: np.ndarray | None = None) -> Scorecard:
        """The inverse of :meth:`to_dict`; also reads what earlier versions wrote.

        Args:
            record: plain data.
            per_datum: log-densities [N], which are no part of it.
        """
        record = dict(brought_up_to_date(record))
        answers = tuple(
            _answer(question, key, told)
            for question, metrics in record.pop("answers").items()
            for key, told in metrics.items()
        )
        return cls(**{**record, "data": DataSplit(**record["data"]), "answers": answers, "per_datum": per_datum})

    def save(self, folder: Path | str) -> Path:
        """Write ``scores.json``, and ``per_datum.npy`` where there are densities, to a run folder.

        Returns:
            The path of ``scores.json``.
        """
        return write_scores(folder, self.to_dict(), self.per_datum)

    @classmethod
    def load(cls, folder: Path | str) -> Scorecard:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: if there are no scores in the folder, they are damaged, or they judge other weights than
                those of the run that is there: a run that was taken up again is to be evaluated again.
        """
        return read_scores(folder, cls.from_dict)

    def __str__(self) -> str:
        lines = [f"{self.name} on {self.data}"]
        for question in self.questions:
            if shown := self._lines(question):
                lines += [f"  {question}", *shown]
        if grid := self.facts.get("grid"):
            lines.append(f"  a continuous density of {grid} has no upper bound: dequantize=True")
        lines += [
            f"  samples {verb} {self.facts[key]}"
            for verb in ("given", "are")
            if (key := f"samples_{verb}") in self.facts
        ]
        lines += [f"  {text}"] if (text := self.facts.get("collapse")) else []
        if network := self.facts.get("feature_network"):
            lines.append(f"  features of network {network[:12]}")
        return "\n".join(lines)

    def _lines(self, question: str) -> list[str]:
        answers = self._answers_to(question)
        reasons = {answer.refusal for answer in answers if answer.refusal}
        if len(reasons) == 1 and not any(answer.estimate for answer in answers):
            return [f"    not answered: {self.reason(question)}"]
        lines = []
        for answer in answers:
            if answer.estimate is not None:
                lines.append(f"    {answer.column.title:<15} {answer.estimate}")
                lines += [f"      {name:<25} {baseline.short()}" for name, baseline in answer.baselines.items()]
            elif answer.refusal:
                lines.append(f"    {answer.column.title:<15} not answered: {answer.refusal}")
        return lines


def _answer(question: str, key: str, told: Mapping[str, Any]) -> Answer:
    """One answer of a record."""
    told = dict(told)
    number, baselines, refusal = told.pop("estimate"), told.pop("baselines"), told.pop("refusal")
    return Answer(
        Column(key, question=question, **told),
        None if number is None else Estimate.from_dict(number),
        {name: Estimate.from_dict(baseline) for name, baseline in baselines.items()},
        refusal,
    )


def asked_of(cards: Iterable[Scorecard]) -> list[Column]:
    """The metrics that any of the cards was asked, question by question, as they come.

    Args:
        cards: in the order of rows; where two say different things of one metric, it is there twice.
    """
    asked = list(dict.fromkeys(answer.column for card in cards for answer in card.answers))
    order = in_order(column.question for column in asked)
    return sorted(asked, key=lambda column: order.index(column.question))
