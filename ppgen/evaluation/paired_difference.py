"""The difference of two densities, data point by data point: how sure it is, and whether it may be ranked."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ppgen.errors import DataError, SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation.scorecard import Scorecard

__all__ = ["PairedDifference", "paired_difference", "paired_interval"]


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


_FLOORS = ("exact", "unbiased", "lower bound")  # the truth is not below
_CEILINGS = ("exact", "unbiased", "upper bound")  # the truth is not above
_FEWEST = 10  # data points, below which a bootstrap interval is far too narrow


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The mean difference of two models' log-densities on the same data points, and what it proves.

    Args:
        first: name of a model.
        second: name of another.
        difference: mean of ``first - second`` over data points, in nats per datum; ``None`` where the two cannot be
            paired.
        low: lower end of its bootstrap interval.
        high: upper end.
        verdict: in words: ``"pixelcnn is higher"``, ``"bounds only: ..."`` or ``"cannot be ranked: ..."``.
        winner: the model whose true log-density is shown to be higher, if that is shown.
    """

    first: str
    second: str
    difference: float | None
    low: float | None
    high: float | None
    verdict: str
    winner: str | None = None

    @property
    def proven(self) -> bool:
        """Whether an order is shown."""
        return self.winner is not None

    def __str__(self) -> str:
        names = f"{self.first} − {self.second}"
        if self.difference is None or self.low is None or self.high is None:
            return f"{names}: {self.verdict}"
        quarter = (self.high - self.low) / 4.0
        digits = max(2, min(5, 1 - math.floor(math.log10(quarter)))) if quarter > 0.0 else 2
        numbers = [f"{number:+.{digits}f}" for number in (self.difference, self.low, self.high)]
        return f"{names}: {numbers[0]} [{numbers[1]}, {numbers[2]}] nats/datum: {self.verdict}"


def paired_difference(first: Scorecard, second: Scorecard, *, level: float = 0.95, seed: int = 0) -> PairedDifference:
    """Compare two models data point by data point.

    Numbers are paired only if they are the same quantity of the same data: the same test split by fingerprint, the
    same measure and unit, the same density (``p(x | y)`` is told what ``p(x)`` is not).

    Then let H be the model with the higher mean and L the other, and let the interval of ``H - L`` exclude zero (if it
    does not, they cannot be ranked). What follows depends on the kinds of the two numbers, since a lower bound leaves
    open how far above it the true value is, and an upper bound how far below:

    ============================  =================  ==================  ===================  ===================
    H is higher, and ...          L exact, unbiased  L upper bound       L lower bound        L biased, interval
    ============================  =================  ==================  ===================  ===================
    H exact, unbiased             H is higher        H is higher         bounds only          cannot be ranked
    H lower bound                 H is higher        H is higher         bounds only          cannot be ranked
    H upper bound                 bounds only        bounds only         cannot be ranked     cannot be ranked
    H biased, interval            cannot be ranked   cannot be ranked    cannot be ranked     cannot be ranked
    ============================  =================  ==================  ===================  ===================

    So an order is shown only where H's true value is not below its number and L's is not above its own. "Bounds only"
    is the weaker statement that what is guaranteed of H lies above what is guaranteed of L (two floors), or likewise
    for what is excluded (two ceilings); the true order may be the reverse.

    The interval is over test data and Monte-Carlo draws, and holds with probability ``level`` for this pair alone. It
    speaks of these two fits: another seed of training is another model.

    Args:
        first: a scorecard with ``per_datum`` values.
        second: another.
        level: coverage of the interval.
        seed: of the bootstrap.

    Returns:
        The difference; swapping the arguments flips its sign and changes no winner.
    """
    obstacle = _obstacle(first, second)
    if obstacle or first.per_datum is None or second.per_datum is None:
        return PairedDifference(first.name, second.name, None, None, None, f"cannot be ranked: {obstacle}")
    difference, low, high = paired_interval(first.per_datum, second.per_datum, level=level, seed=seed)
    if low > 0.0:
        verdict, winner = _verdict(first, second)
    elif high < 0.0:
        verdict, winner = _verdict(second, first)
    else:
        verdict, winner = f"cannot be ranked: the {100 * level:g} % interval of the difference includes 0", None
    return PairedDifference(first.name, second.name, difference, low, high, verdict, winner)


def _obstacle(first: Scorecard, second: Scorecard) -> str:
    """Why two numbers cannot be subtracted, or nothing."""
    for card in (first, second):
        if "log_prob" not in card.density:
            return f"{card.name} has no density ({card.refusals.get('density', 'not measured')})"
    one, other = first.density["log_prob"], second.density["log_prob"]
    if first.fingerprint != second.fingerprint:
        return f"the test data differ ({first.data}; {second.data})"
    if one.measure != other.measure:
        return f"the measures differ ({one.measure or 'unknown'}, {other.measure or 'unknown'})"
    if one.unit != other.unit or one.per != other.per:
        return f"the units differ ({one.unit} per {one.per}, {other.unit} per {other.per})"
    densities = [str(card.facts.get("density_of", "p(x)")) for card in (first, second)]
    if densities[0] != densities[1]:
        return f"{first.name} has a density {densities[0]}, {second.name} one {densities[1]}"
    counts = []
    for card in (first, second):
        if card.per_datum is None:
            return f"{card.name} has kept no values of single data points"
        counts.append(len(card.per_datum))
    if counts[0] != counts[1]:
        return f"the numbers of data points differ ({counts[0]}, {counts[1]})"
    if counts[0] < _FEWEST:
        return f"{counts[0]} data points are too few for an interval ({_FEWEST} are needed)"
    return ""


def _verdict(higher: Scorecard, lower: Scorecard) -> tuple[str, str | None]:
    """What a difference that is not zero shows, by the table above: the verdict, and the winner if there is one."""
    top, bottom = higher.density["log_prob"], lower.density["log_prob"]
    if top.kind in _FLOORS and bottom.kind in _CEILINGS:
        return f"{higher.name} is higher", higher.name
    if top.kind in _FLOORS and bottom.kind in _FLOORS:
        return (
            f"bounds only: {higher.name}'s {_noun(top)} lies above {lower.name}'s lower bound, "
            f"but {lower.name}'s true value may be the higher one",
            None,
        )
    if top.kind in _CEILINGS and bottom.kind in _CEILINGS:
        return (
            f"bounds only: {lower.name}'s {_noun(bottom)} lies below {higher.name}'s upper bound, "
            f"but {higher.name}'s true value may be the lower one",
            None,
        )
    if top.kind == "upper bound" and bottom.kind == "lower bound":
        return f"cannot be ranked: {higher.name}'s true value may lie below, {lower.name}'s above what is shown", None
    vague = next(card for card in (higher, lower) if card.density["log_prob"].kind in ("biased", "interval"))
    return f"cannot be ranked: {vague.name}'s number is {_noun(vague.density['log_prob'])}", None


def _noun(estimate: Estimate) -> str:
    return {"exact": "exact value", "unbiased": "unbiased estimate", "biased": "a biased estimate",
            "interval": "the middle of an interval"}.get(estimate.kind, estimate.kind)  # fmt: skip
