"""A metric: a function of a fit, the column of its numbers, and what it shares with other metrics of one evaluation."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Literal, TypeVar

import numpy as np
from torch import nn

from ppgen.arguments import one_of
from ppgen.errors import PpgenError, SettingError
from ppgen.estimate import Estimate
from ppgen.fitted import Fit

__all__ = ["QUESTIONS", "Column", "Evaluation", "Measured", "Metric", "fit_of", "in_order", "itself", "metric"]

T = TypeVar("T")
Direction = Literal["higher", "lower", ""]

QUESTIONS = {
    "density": "How probable is data that the model has never seen?",
    "sampling": "Are its samples like real data, and as varied?",
    "representation": "What does its code tell about the data?",
    "calibration": "Is its posterior as sure as it should be?",
    "own": "What do the user's own functions say?",
}
"""The known questions, in the order of tables; a metric may answer any other, which then comes after these."""


def in_order(questions: Iterable[str]) -> tuple[str, ...]:
    """Questions, each once: the known ones first, in their own order, then others as they come.

    Args:
        questions: in any order.

    Example:
        >>> in_order(["posteriors", "sampling", "density", "sampling"])
        ('density', 'sampling', 'posteriors')
    """
    asked = dict.fromkeys(questions)
    return (*(one for one in QUESTIONS if one in asked), *(one for one in asked if one not in QUESTIONS))


@dataclasses.dataclass(frozen=True)
class Column:
    """What a metric says of itself: a column of a table.

    Args:
        key: its name in a scorecard: letters, digits, ``_`` and ``-``.
        question: which question it answers: one of :data:`QUESTIONS`, or a new one, named as a key is.
        title: its name in print; default: the key.
        unit: in print, below the title; ``""`` for a pure number.
        better: the direction: ``"higher"``, ``"lower"``, or ``""`` where neither is better.
        is_count: whether it counts some among all, so that its estimates have a unit like ``"of 16"``.
        headline: whether it stands in the overview, the first table of a report.

    Raises:
        SettingError: naming what is no key, no direction or no text.
    """

    key: str
    _: dataclasses.KW_ONLY
    question: str = "own"
    title: str = ""
    unit: str = ""
    better: Direction = ""
    is_count: bool = False
    headline: bool = False

    def __post_init__(self) -> None:
        for field in ("key", "question"):
            if not isinstance(name := getattr(self, field), str) or not re.fullmatch(r"[\w-]+", name):
                raise SettingError(
                    f"metric {self.key!r}: the {field} is no name",
                    expected="letters, digits, _ and -",
                    got=repr(name),
                    fix='ppgen.Metric("ink", function, question="sampling"), and no lambda without a key',
                    code="S065",
                )
        for field in ("title", "unit"):
            if not isinstance(text := getattr(self, field), str):
                raise SettingError(
                    f"metric {self.key}: the {field} is no text",
                    expected="a string",
                    got=repr(text),
                    fix=f'{field}="..."',
                    code="S066",
                )
        one_of(f"metric {self.key}: better", self.better, ("higher", "lower", ""))
        if not self.title:
            object.__setattr__(self, "title", self.key)


@dataclasses.dataclass
class Evaluation:
    """A fit that is being evaluated, the settings, and what several metrics need, each prepared once.

    Args:
        fit: what is judged.
        num_particles: of importance-weighted bounds.
        num_samples: of the model; ``None`` for as many as there are test data.
        seed: of all draws.
        features: a network of the user's own, in whose features samples are judged; ``None`` for the data set's.
        facts: what a reader needs to know of how the numbers came about; whoever prepares something may add to it.

    Example:
        >>> drawn = []
        >>> evaluation = Evaluation(fit=None)
        >>> evaluation.prepared(drawn.append) is evaluation.prepared(drawn.append), len(drawn)
        (True, 1)
    """

    fit: Fit
    num_particles: int = 1000
    num_samples: int | None = None
    seed: int = 0
    features: nn.Module | None = None
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    _known: dict[Hashable, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def prepared(self, prepare: Callable[[Evaluation], T]) -> T:
        """What ``prepare(self)`` gives, or the refusal that it raises; it is called the first time only.

        Args:
            prepare: makes features, codes, log-densities ... of this evaluation.

        Raises:
            PpgenError: that ``prepare`` raised, again each time.
        """
        if prepare not in self._known:
            try:
                self._known[prepare] = prepare(self)
            except PpgenError as error:
                self._known[prepare] = error
        found = self._known[prepare]
        if isinstance(found, PpgenError):
            raise found
        return found


def fit_of(evaluation: Evaluation) -> Fit:
    """The fit itself, which is all that most metrics need.

    Args:
        evaluation: under way.
    """
    return evaluation.fit


def itself(evaluation: Evaluation) -> Evaluation:
    """The evaluation, for a metric that needs its seed and settings too.

    Args:
        evaluation: under way.
    """
    return evaluation


@dataclasses.dataclass(frozen=True)
class Measured:
    """An estimate with what belongs beside it, for a metric that has more to give than an estimate.

    Args:
        estimate: the number; ``None`` where it would only repeat another, or means nothing for such data, so that
            there is nothing to refuse.
        baselines: the same quantity by name for real data or a trivial model: ``{"real/real": ...}``.
        per_datum: of a log-density, its values [N], for paired comparison.
    """

    estimate: Estimate | None
    baselines: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    per_datum: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Metric(Column):
    """A column and the function that fills it.

    The function is given a fit, or what ``prepare`` makes of an :class:`Evaluation`: metrics that name one ``prepare``
    share its result. It returns

    - a number, whose ``kind`` is then ``"biased"``: nobody has said how it stands to the truth;
    - a tensor or array [N] of one value for each of N independent draws or data points, of which the mean is taken,
      with its standard error (``"unbiased"``);
    - an :class:`~ppgen.estimate.Estimate`, which says itself what it is, or a :class:`Measured` one with baselines.

    It raises a :class:`~ppgen.errors.PpgenError`, such as :class:`~ppgen.errors.Unanswerable`, where there is no
    answer: the scorecard then holds the reason. Numbers that it draws from torch's own generator are those of the
    evaluation's seed. A metric is called as its function is, ``ink(fit)``.

    Args:
        function: of a fit, or of what ``prepare`` gives.
        prepare: makes what the function is given; default: the fit. ``ppgen.evaluation`` has ``log_densities``,
            ``clouds`` (features of samples and data) and ``encodings``.

    Raises:
        SettingError: as a column does, and if the function cannot be called.

    Example:
        >>> size = Metric("size", lambda fit: fit.num_parameters, unit="weights", better="lower")
        >>> size.title, size.question
        ('size', 'own')
    """

    function: Callable[[Any], Any]
    _: dataclasses.KW_ONLY
    prepare: Callable[[Evaluation], Any] = fit_of

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("function", "prepare"):
            if not callable(got := getattr(self, field)):
                raise SettingError(
                    f"metric {self.key}: the {field} cannot be called",
                    expected="a function of a fit",
                    got=repr(got),
                    fix=f'ppgen.Metric("{self.key}", lambda fit: fit.num_parameters)',
                    code="S067",
                )

    @property
    def column(self) -> Column:
        """What it says of itself, without the function."""
        return Column(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Column)})

    def __call__(self, fit: Fit) -> Any:
        """What the function returns for a fit, prepared with the default settings.

        Args:
            fit: what ``ppgen.fit`` returned.
        """
        return self.function(self.prepare(Evaluation(fit)))


def metric(
    *,
    key: str = "",
    question: str = "own",
    title: str = "",
    unit: str = "",
    better: Direction = "",
    is_count: bool = False,
    headline: bool = False,
    prepare: Callable[[Evaluation], Any] = fit_of,
) -> Callable[[Callable[[Any], Any]], Metric]:
    """Make a :class:`Metric` of the function that follows.

    Args:
        key: its name in a scorecard; default: the function's name.
        question: which it answers, ``"sampling"``.
        title: its name in print; default: the key.
        unit: in print.
        better: ``"higher"``, ``"lower"``, or ``""``.
        is_count: whether it counts some among all.
        headline: whether it stands in the first table of a report.
        prepare: makes what the function is given; default: the fit.

    Returns:
        A decorator.

    Raises:
        SettingError: naming what is no key, no direction or no text.

    Example:
        >>> @metric(question="sampling", title="ink", unit="pixels")
        ... def ink(fit):
        ...     return fit.sample(256, site="x").sum((1, 2, 3))
        >>> ink.key, ink.title
        ('ink', 'ink')
    """

    def decorate(function: Callable[[Any], Any]) -> Metric:
        return Metric(
            key or function.__name__,
            function,
            question=question,
            title=title,
            unit=unit,
            better=better,
            is_count=is_count,
            headline=headline,
            prepare=prepare,
        )

    return decorate
