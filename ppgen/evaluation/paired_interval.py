"""The interval of a mean paired difference, and whether a few data points decide it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ppgen.errors import DataError, SettingError

__all__ = ["FEWEST", "check_level", "is_decided_by_few", "paired_interval"]

FEWEST = 20
"""Data points, below which no interval of a mean is to be trusted that knows nothing of the distribution."""

_HEAVY = (
    0.25  # largest skewness / sqrt(N): beyond it, intervals of log-normal differences miss far more than they claim
)


def check_level(level: float) -> None:
    """Refuse a coverage that is not between 0 and 1 by a :class:`~ppgen.errors.SettingError`."""
    if not 0.0 < level < 1.0:
        raise SettingError(
            "level: not a coverage", expected="between 0 and 1", got=str(level), fix="level=0.95", code="S072"
        )


def paired_interval(
    first: np.ndarray, second: np.ndarray, *, level: float = 0.95, beside: Sequence[tuple[float, int]] = ()
) -> tuple[float, float, float]:
    """The mean of ``first - second`` over paired data points, and its interval by a transformed t statistic.

    With n differences of mean m, standard deviation s and skewness g, ``T = (mean - m) / s`` is skewed; Hall's
    monotone ``T + g T^2 / 3 + g^2 T^3 / 27 + g / (6 n)`` is not, to the order 1 / n, and has Student's quantiles over
    sqrt(n). Without skewness it is the t interval. A percentile bootstrap leaves out the truth more often than it
    claims, the more so the fewer the data. Swapping the models flips the signs and nothing else.

    Where values are means over several fits, their own variances stand beside that of the data: then the interval is
    Student's, of the sum V of all variances v_k, with Satterthwaite's ``V^2 / sum(v_k^2 / d_k)`` degrees of freedom.

    References:
        Hall, 1992, On the Removal of Skewness by Transformation.
        Satterthwaite, 1946, An Approximate Distribution of Estimates of Variance Components.

    Args:
        first: values [N] of one model.
        second: values [N] of another, for the same data points in the same order.
        level: coverage of the interval.
        beside: variances of the mean difference that do not come from the data, each with its degrees of freedom.

    Returns:
        (mean difference, low, high); of a single data point, infinite ends.

    Raises:
        DataError: if the values are not finite or not paired.
        SettingError: if ``level`` is not between 0 and 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> hard = 25.0 * rng.normal(size=400)
        >>> difference, low, high = paired_interval(hard + 1.0 + 0.1 * rng.normal(size=400), hard)
        >>> 0.98 < low < difference < high < 1.02
        True
    """
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise DataError(
            "a paired difference needs one value of each model for each data point",
            expected=f"two vectors of length {len(first)}",
            got=f"{list(first.shape)} and {list(second.shape)}",
            code="D067",
        )
    check_level(level)
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise DataError(
            "a paired difference is not finite", fix="look at the data points where a log-density is not", code="D068"
        )
    size, mean = len(differences), float(differences.mean())
    if size == 1:
        return mean, -math.inf, math.inf
    from scipy.special import stdtrit

    spread, skewness = float(differences.std(ddof=1)), _skewness(differences)
    if variance := sum(own for own, _ in beside):
        parts = [(spread**2 / size, size - 1), *beside]
        variance += spread**2 / size
        freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
        reach = float(stdtrit(freedom, 0.5 + level / 2.0)) * math.sqrt(variance)
        return mean, mean - reach, mean + reach
    quantile = float(stdtrit(size - 1, 0.5 + level / 2.0)) / math.sqrt(size)
    high, low = (mean - spread * _untransformed(end, skewness, size) for end in (-quantile, quantile))
    return mean, low, high


def is_decided_by_few(first: np.ndarray, second: np.ndarray, *, level: float = 0.95) -> bool:
    """Whether the sign of a mean paired difference hangs on a few data points, so that no order is to be read off it.

    So it is where the differences are so skewed that their interval may miss far more often than it claims, unless an
    interval with a hundredth of its error leaves the sign as it is.

    Args:
        first: values [N] of one model.
        second: values [N] of another.
        level: coverage of the interval.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if abs(_skewness(differences)) <= _HEAVY * math.sqrt(len(differences)):
        return False
    _, low, high = paired_interval(first, second, level=1.0 - (1.0 - level) / 100.0)
    return low <= 0.0 <= high


def _skewness(differences: np.ndarray) -> float:
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    # Equal differences are not skewed, whatever rounding leaves of their spread.
    tiny = 1e-12 * float(np.abs(differences).max())
    return float((((differences - differences.mean()) / spread) ** 3).mean()) if spread > tiny else 0.0


def _untransformed(value: float, skewness: float, size: int) -> float:
    """The inverse of Hall's transformation."""
    if abs(skewness) < 1e-6:
        return value
    return float(np.cbrt(1.0 + skewness * (value - skewness / (6.0 * size))) - 1.0) * 3.0 / skewness
