"""How sure a mean difference is, when two models saw the same data points."""

from __future__ import annotations

import numpy as np

from ppgen.errors import DataError, SettingError

__all__ = ["paired_interval"]


def paired_interval(
    first: np.ndarray, second: np.ndarray, *, level: float = 0.95, num_resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """The mean of ``first - second`` over paired data points, and its bootstrap percentile interval.

    Whole data points are resampled, with both models' values: what makes a data point hard for both cancels. Over
    images the log-density varies by tens of nats, and the difference of two models by a tenth of it. Swapping the
    models flips the signs and nothing else.

    Reference:
        Efron and Tibshirani, 1993, An Introduction to the Bootstrap, chapter 13.

    Args:
        first: values [N] of one model.
        second: values [N] of another, for the same data points in the same order.
        level: coverage of the interval.
        num_resamples: bootstrap draws.
        seed: of the draws; the same for every pair, so that a set of comparisons is coherent.

    Returns:
        (mean difference, low, high).

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
        )
    if not 0.0 < level < 1.0:
        raise SettingError("level: not a coverage", expected="between 0 and 1", got=str(level), fix="level=0.95")
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise DataError("a paired difference is not finite", fix="look at the data points where a log-density is not")
    size = len(differences)
    rng = np.random.default_rng(seed)
    step = max(1, 2_000_000 // size)  # draws at a time: bounded memory for any number of data points
    means = np.concatenate(
        [
            differences[rng.integers(size, size=(min(step, num_resamples - start), size))].mean(axis=1)
            for start in range(0, num_resamples, step)
        ]
    )
    tail = 100.0 * (1.0 - level) / 2.0
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return float(differences.mean()), float(low), float(high)
