"""Estimates: numbers with standard error, kind, unit, estimator and measure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from ppgen.arguments import one_of
from ppgen.errors import SettingError

__all__ = ["Estimate", "Kind"]

Kind = Literal["exact", "lower bound", "upper bound", "interval", "unbiased", "biased"]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A measured quantity together with everything that a reader needs to judge it.

    Args:
        value: the number.
        standard_error: of ``value``, over data and Monte-Carlo draws; ``None`` where none is defined.
        kind: how ``value`` stands to the true quantity: ``"exact"``, ``"lower bound"``, ``"upper bound"``,
            ``"interval"``, ``"unbiased"`` or ``"biased"``.
        unit: ``"nats"``, ``"bits/dim"``, ``"accuracy"``, ``""`` for a pure number ...
        per: what it is an average over, ``"datum"`` by default.
        measure: the measure that a density refers to (``"binary"``, ``"8-bit"``, ``"continuous"`` ...);
            ``""`` for quantities that are no densities. Densities of different measures are never comparable.
        estimator: how it was computed, with its settings: ``"IWAE-5000"``, ``"ELBO-1"``, ``"KID 100x1000"``.
        num_data: over how many data points.
        better: ``"higher"``, ``"lower"``, or ``""`` where neither is better.

    Raises:
        SettingError: if ``kind`` is unknown, or ``value`` is not a finite number (a silent NaN is never a result).

    Example:
        >>> nll = Estimate(-81.3, 0.28, kind="lower bound", unit="nats", measure="binary", estimator="IWAE-5000",
        ...                num_data=10_000, better="higher")
        >>> print(nll)
        -81.30 ± 0.28 nats/datum (lower bound, IWAE-5000, n=10000, binary)
    """

    value: float
    standard_error: float | None = None
    kind: Kind = "unbiased"
    unit: str = ""
    per: str = "datum"
    measure: str = ""
    estimator: str = ""
    num_data: int = 0
    better: Literal["higher", "lower", ""] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        if self.standard_error is not None:
            object.__setattr__(self, "standard_error", float(self.standard_error))
        one_of("Estimate: kind", self.kind, get_args(Kind))
        if not math.isfinite(self.value):
            raise SettingError(
                f"Estimate {self.estimator or '(unnamed)'}: the value is not finite",
                expected="a finite number",
                got=str(self.value),
                fix="look at the data and the weights that produced it: a non-finite number is never reported",
            )

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        facts = [self.kind, self.estimator, f"n={self.num_data}" if self.num_data else "", self.measure]
        return f"{self.short()} ({', '.join(fact for fact in facts if fact)})"

    def short(self) -> str:
        """Value, standard error and unit, with as many digits as the standard error supports."""
        digits = _digits(self.value, self.standard_error)
        number = f"{self.value:.{digits}f}"
        if self.standard_error is not None:
            number += f" ± {self.standard_error:.{digits}f}"
        unit = f"{self.unit}/{self.per}" if self.unit == "nats" and self.per else self.unit
        return f"{number} {unit}".rstrip()

    def bits_per_dim(self, num_dims: int) -> Estimate:
        """The same log-density in nats per datum, as bits per dimension: ``-value / (num_dims ln 2)``.

        A lower bound on log p becomes an upper bound on the code length.
        """
        if self.unit != "nats":
            raise SettingError("bits_per_dim: only a log-density in nats converts", got=self.unit or "a pure number")
        scale = num_dims * math.log(2.0)
        swap: dict[Kind, Kind] = {"lower bound": "upper bound", "upper bound": "lower bound"}
        return dataclasses.replace(
            self,
            value=-self.value / scale,
            standard_error=None if self.standard_error is None else self.standard_error / scale,
            kind=swap.get(self.kind, self.kind),
            unit="bits/dim",
            better="lower",
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``scores.json``."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Estimate:
        """The inverse of :meth:`to_dict`; unknown keys are refused."""
        known = {field.name for field in dataclasses.fields(cls)}
        if surplus := set(record) - known:
            raise SettingError("Estimate: unknown fields", expected=", ".join(sorted(known)), got=", ".join(surplus))
        return cls(**record)


def _digits(value: float, standard_error: float | None) -> int:
    """Decimals to print: two figures of the standard error, else four figures of the value."""
    if standard_error:
        return max(0, min(6, 1 - math.floor(math.log10(abs(standard_error)))))
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return max(0, min(6, 3 - magnitude))
