"""Answers: what a metric says of a fit, an estimate beside its baselines or the reason why there is none."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.context import restored, seeded
from ppgen.errors import DataError, PpgenError, SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation.metric import Column, Evaluation, Measured, Metric

__all__ = ["Answer", "ask", "measured", "reason_of"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a metric says of a fit.

    Args:
        column: of which metric.
        estimate: the number, if there is one.
        baselines: the same quantity of real data or of a trivial model, by name.
        refusal: why there is no number; ``""`` where it would only repeat another.
    """

    column: Column
    estimate: Estimate | None = None
    baselines: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    refusal: str = ""


def ask(metric: Metric, evaluation: Evaluation) -> tuple[Answer, np.ndarray | None]:
    """Measure, or say why not.

    Args:
        metric: what is measured.
        evaluation: of which fit, and how; it seeds the random numbers that the metric draws.

    Returns:
        The answer, and the values [N] of a log-density for paired comparison, where it has them.

    Raises:
        SettingError: if the metric returns what no metric returns.
    """
    try:
        # A function of the user's may train, switch modes or draw from numpy: the fit is theirs, and stays as it is.
        with restored(*evaluation.fit.state.modules.values()), seeded(evaluation.seed, evaluation.fit.device):
            found = metric.function(evaluation.prepared(metric.prepare))
    except PpgenError as error:
        # Some reasons show only on the way: covariates that are missing, or samples that are not finite.
        return Answer(metric.column, refusal=reason_of(error)), None
    try:
        number = measured(metric, found)
    except DataError as error:
        return Answer(metric.column, refusal=reason_of(error)), None
    return Answer(metric.column, number.estimate, number.baselines), number.per_datum


def measured(column: Column, found: Any) -> Measured:
    """What a metric returned as an estimate.

    Args:
        column: of the metric.
        found: a number, a tensor or array [N], an estimate, or a measured one.

    Raises:
        DataError: if a number is not finite.
        SettingError: if it is nothing of these.

    Example:
        >>> print(measured(Column("ink", unit="pixels"), torch.tensor([1.0, 2.0, 3.0])).estimate)
        2.00 ± 0.58 pixels (unbiased, mean of ink, n=3)
    """
    if isinstance(found, Estimate):
        return Measured(found)
    if isinstance(found, Measured):
        if isinstance(found.estimate, Estimate | None) and _are_estimates(found.baselines):
            return found
        raise _no_number(column, found)
    if (values := _values(found)) is None:
        raise _no_number(column, found)
    if bad := int((~torch.isfinite(values)).sum()):
        raise DataError(
            f"metric {column.key}: {bad} of {values.numel()} values are not finite" if values.dim() else
            f"metric {column.key}: {values.item()} is not finite",
            fix="return finite numbers, or raise ppgen.Unanswerable with the reason", code="D060",
        )  # fmt: skip
    size = values.numel()
    described: dict[str, Any] = {"unit": column.unit, "better": column.better}
    if not values.dim():
        return Measured(Estimate(values.item(), kind="biased", per="", estimator=column.key, **described))
    error = (values.std() / math.sqrt(size)).item() if size > 1 else None
    return Measured(
        Estimate(values.mean().item(), error, estimator=f"mean of {column.key}", num_data=size, **described)
    )


def _are_estimates(baselines: Any) -> bool:
    return isinstance(baselines, Mapping) and all(isinstance(value, Estimate) for value in baselines.values())


def _no_number(column: Column, found: Any) -> SettingError:
    return SettingError(
        f"metric {column.key}: no number came back",
        expected="a number, a tensor [N] with a value for each draw or data point, an Estimate, or a Measured one",
        got=f"{type(found).__name__} {list(found.shape)}" if hasattr(found, "shape") else f"{found!r}"[:80],
        fix="return values.mean() or values [N]; raise ppgen.Unanswerable(reason) where there is no answer",
        code="S061",
    )


def _values(found: Any) -> Tensor | None:
    """Numbers as a tensor [N] or [] in float64, or ``None`` if they are no such numbers."""
    if isinstance(found, (int, float, np.integer, np.floating)) and not isinstance(found, bool):
        return torch.tensor(float(found), dtype=torch.float64)
    if isinstance(found, np.ndarray) and found.dtype.kind in "biuf":
        found = torch.from_numpy(found.astype(np.float64))
    if not isinstance(found, Tensor) or found.dim() > 1 or not found.numel() or found.is_complex():
        return None
    return found.detach().cpu().double()


def reason_of(error: PpgenError) -> str:
    """An error as the reason of a refusal, on one line.

    Args:
        error: that was raised in place of a number.
    """
    parts = {"": error.what, "expected: ": error.expected, "got: ": error.got, "fix: ": error.fix}
    return "; ".join(" ".join(f"{label}{text}".split()) for label, text in parts.items() if text)
