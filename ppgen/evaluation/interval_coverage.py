"""Whether central intervals hold as much of a posterior as they say, over many quantities at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ppgen.checked import checked
from ppgen.errors import DataError
from ppgen.evaluation.paired_interval import check_level

__all__ = ["IntervalCoverage", "interval_coverage"]

_TOLERATED = 0.02


@dataclasses.dataclass(frozen=True, eq=False)
class IntervalCoverage:
    """What central intervals of one guide hold of what they should.

    Args:
        shares: of the reference inside the interval, for each quantity, [Q], float64.
        level: what an exact guide's intervals hold.
    """

    shares: Tensor
    level: float

    @classmethod
    def together(cls, parts: Sequence[IntervalCoverage]) -> IntervalCoverage:
        """The quantities of several posteriors.

        Args:
            parts: at least one, of the same level.
        """
        return cls(torch.cat([part.shares for part in parts]), parts[0].level)

    @property
    def mean(self) -> float:
        """The share of the reference that is inside, over all quantities."""
        return float(self.shares.mean())

    @property
    def holds(self) -> bool:
        """Whether that is the level, give or take 0.02."""
        return abs(self.mean - self.level) <= _TOLERATED

    def verdict(self, remedy: str = "try a richer guide") -> str:
        """In words: what the intervals hold, and if it is too little or too much, what to do.

        Args:
            remedy: against intervals that are too narrow.
        """
        low, high = (100 * float(end) for end in (self.shares.min(), self.shares.max()))
        said = (
            f"its {100 * self.level:g} % intervals hold {100 * self.mean:.1f} % of the reference over "
            f"{len(self.shares):,} quantities ({low:.0f} to {high:.0f} % of each)"
        )
        if self.holds:
            return said
        return f"{said}: overconfident, {remedy}" if self.mean < self.level else f"{said}: too wide, train longer"


@checked
def interval_coverage(draws: Any, reference: Any, level: float = 0.95) -> IntervalCoverage:
    """The share of reference draws inside the central intervals of a guide's draws.

    The quantities are the coordinates, and the sum and the difference of each two of them, in units of their spread:
    a guide that misses a correlation has right intervals for coordinates, and wrong ones for these. So there are
    D^2 quantities of D coordinates. In place of reference draws the truth may stand, one row: then each share is 0
    or 1.

    Args:
        draws: of the guide, tensor or array [K, ...].
        reference: draws of the posterior, or what is true, [S, ...].
        level: of the intervals.

    Raises:
        DataError: for fewer than 2 draws, a reference without rows or of another shape, or numbers that are not finite.
        SettingError: for a level that is not between 0 and 1.

    Example:
        >>> gold = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
        >>> interval_coverage(gold, gold).verdict()
        'its 95 % intervals hold 95.0 % of the reference over 4 quantities (95 to 95 % of each)'
        >>> interval_coverage(0.5 * gold, gold).holds
        False
    """
    check_level(level)
    ours, theirs = (torch.as_tensor(given).double() for given in (draws, reference))
    if ours.dim() == 0 or ours.shape[1:] != theirs.shape[1:] or len(ours) < 2 or not len(theirs):
        raise DataError(
            "interval_coverage: these are not draws of the same numbers",
            expected="draws [K, ...], at least 2 of them, and a reference [S, ...] of the same numbers",
            got=f"{list(ours.shape)} and {list(theirs.shape)}",
            fix="interval_coverage(draws[:, 0], reference[:, 0]), for one datum",
            code="D143",
        )
    if not (ours.isfinite().all() and theirs.isfinite().all()):
        raise DataError(
            "interval_coverage: some draws are not finite",
            expected="finite numbers",
            got=f"{int((~ours.isfinite()).sum())} and {int((~theirs.isfinite()).sum())} that are not",
            fix="look at the guide, or at the sampler, that they came from",
            code="D144",
        )
    ours, theirs = ours.flatten(1), theirs.flatten(1)
    unit = ours.std(0)
    unit = torch.where(unit > 0, unit, torch.ones_like(unit))
    shares = [_share(*pair, level) for pair in zip(_quantities(ours / unit), _quantities(theirs / unit), strict=True)]
    return IntervalCoverage(torch.cat(shares), level)


def _quantities(rows: Tensor) -> Iterator[Tensor]:
    """The coordinates [S, D], then sums and differences of each with all after it, [S, D - 1] at most."""
    yield rows
    for place in range(rows.shape[1] - 1):
        one, others = rows[:, place : place + 1], rows[:, place + 1 :]
        yield others + one
        yield others - one


def _share(draws: Tensor, reference: Tensor, level: float) -> Tensor:
    """Of the reference inside the central intervals of draws, [D], of [K, D] and [S, D]."""
    low, high = draws.quantile(draws.new_tensor([(1 - level) / 2, (1 + level) / 2]), dim=0)
    return ((reference >= low) & (reference <= high)).double().mean(0)
