"""Estimates: numbers with standard error, kind, unit, estimator and measure."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, Literal, get_args

from ppgen.arguments import one_of, whole_number
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
        low: the lower end of an ``"interval"``, which alone has ends.
        high: its upper end.
        of: which density it is an estimate of, ``"p(x)"``, ``"p(x | y)"``, ``"p(unseen | seen)"``; ``""`` for
            quantities that are no densities. Estimates of different densities are never ranked.
        num_dims: how many dimensions that density counts; 0 where it is not stated.

    Raises:
        SettingError: if ``kind`` is unknown, ``value`` is not a finite number (a silent NaN is never a result), an
            interval lacks an end or does not hold the value, or another kind of number has ends.

    Example:
        >>> nll = Estimate(-81.3, 0.28, kind="lower bound", unit="nats", measure="binary", estimator="IWAE-5000",
        ...                num_data=10_000, better="higher")
        >>> print(nll)
        -81.30 ± 0.28 nats/datum (lower bound, IWAE-5000, n=10000, binary)
        >>> print(Estimate(-82.9, kind="interval", low=-83.1, high=-82.7, unit="nats", estimator="BDMC-1000"))
        [-83.1, -82.7] nats/datum (interval, BDMC-1000)
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
    low: float | None = None
    high: float | None = None
    of: str = ""
    num_dims: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        for field in ("standard_error", "low", "high"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, float(getattr(self, field)))
        one_of("Estimate: kind", self.kind, get_args(Kind))
        whole_number("Estimate: num_dims", self.num_dims, at_least=0)
        if not math.isfinite(self.value):
            raise SettingError(
                f"Estimate {self.estimator or '(unnamed)'}: the value is not finite",
                expected="a finite number",
                got=str(self.value),
                fix="look at the data and the weights that produced it: a non-finite number is never reported",
                code="S056",
            )
        self._check_ends()

    def _check_ends(self) -> None:
        name = f"Estimate {self.estimator or '(unnamed)'}"
        given = f"low={self.low}, value={self.value}, high={self.high}"
        if self.kind != "interval":
            if self.low is not None or self.high is not None:
                raise SettingError(
                    f"{name}: only an interval has ends",
                    expected="low=None and high=None",
                    got=f"{given}, kind={self.kind!r}",
                    fix='kind="interval", or no low and high: a standard error says how sure a single number is',
                    code="S057",
                )
        elif self.low is None or self.high is None or not -math.inf < self.low <= self.value <= self.high < math.inf:
            raise SettingError(
                f"{name}: an interval with a missing or wrong end",
                expected="finite numbers low <= value <= high",
                got=given,
                fix='Estimate(-82.9, kind="interval", low=-83.1, high=-82.7)',
                code="S058",
            )

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        facts = [self.kind, self.estimator, f"n={self.num_data}" if self.num_data else "", self.measure]
        return f"{self.short()} ({', '.join(fact for fact in facts if fact)})"

    def _repr_html_(self) -> str:
        facts = str(self).removeprefix(self.short())
        return f"<strong>{html.escape(self.short())}</strong><small>{html.escape(facts)}</small>"

    def short(self) -> str:
        """Value (of an interval, its ends), standard error and unit, with the digits that the error supports."""
        number = self.ends()
        if not number:
            digits = _digits(self.value, self.standard_error)
            number = f"{self.value:.{digits}f}"
            if self.standard_error is not None:
                number += f" ± {self.standard_error:.{digits}f}"
        unit = f"{self.unit}/{self.per}" if self.unit == "nats" and self.per else self.unit
        return f"{number} {unit}".rstrip()

    def ends(self) -> str:
        """Both ends of an interval, rounded outwards, so that what is printed holds it; ``""`` for other kinds.

        Example:
            >>> Estimate(2.0, kind="interval", low=1.23456, high=2.34567).ends()
            '[1.2, 2.4]'
        """
        if self.low is None or self.high is None:
            return ""
        width = self.high - self.low
        # It is at least three units of the last digit wide, so that rounding does not widen it much.
        digits = max(0, min(6, -math.floor(math.log10(width / 3.0)))) if width else _digits(self.value, None)
        unit, exactly = Decimal(1).scaleb(-digits), Context(prec=400)  # the largest float has 309 digits
        low, high = (
            Decimal(repr(end)).quantize(unit, rounding, exactly) + 0  # which takes the sign off a negative zero
            for end, rounding in ((self.low, ROUND_FLOOR), (self.high, ROUND_CEILING))
        )
        return f"[{low:f}, {high:f}]"

    def bits_per_dim(self, num_dims: int) -> Estimate:
        """The same log-density in nats per datum, as bits per dimension: ``-value / (num_dims ln 2)``.

        A lower bound on log p becomes an upper bound on the code length.

        Args:
            num_dims: over which the code length is shared out.

        Raises:
            SettingError: if this is no log-density in nats.
        """
        if self.unit != "nats":
            raise SettingError(
                "bits_per_dim: only a log-density in nats converts",
                expected="an estimate in nats per datum",
                got=self.unit or "a pure number",
                fix="read its value as it is: estimate.value",
                code="S059",
            )
        scale = num_dims * math.log(2.0)
        swap: dict[Kind, Kind] = {"lower bound": "upper bound", "upper bound": "lower bound"}
        return dataclasses.replace(
            self,
            value=-self.value / scale,
            standard_error=None if self.standard_error is None else self.standard_error / scale,
            kind=swap.get(self.kind, self.kind),
            unit="bits/dim",
            better="lower",
            low=None if self.high is None else -self.high / scale,
            high=None if self.low is None else -self.low / scale,
            num_dims=num_dims,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``scores.json``."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Estimate:
        """The inverse of :meth:`to_dict`; unknown keys are refused."""
        known = {field.name for field in dataclasses.fields(cls)}
        if surplus := set(record) - known:
            raise SettingError(
                "Estimate: unknown fields",
                expected=", ".join(sorted(known)),
                got=", ".join(surplus),
                fix="leave them out",
                code="S060",
            )
        return cls(**record)


def _digits(value: float, standard_error: float | None) -> int:
    """Decimals to print: two figures of the standard error, else four figures of the value."""
    if standard_error:
        return max(0, min(6, 1 - math.floor(math.log10(abs(standard_error)))))
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return max(0, min(6, 3 - magnitude))
