"""How well a score tells two sets apart: areas under two curves, and what a threshold costs."""

from __future__ import annotations

import dataclasses

import numpy as np

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.errors import DataError
from ppgen.evaluation.paired_interval import check_level

__all__ = ["Detection", "Rate", "detection"]


@dataclasses.dataclass(frozen=True)
class Rate:
    """A number between 0 and 1 with the ends of its interval."""

    value: float
    low: float
    high: float

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclasses.dataclass(frozen=True)
class Detection:
    """How well a score tells outliers, the positives, from inliers.

    Args:
        auroc: the probability that an outlier has the larger score, ties counting half: 0.5 by chance.
        auprc: the area under precision over recall, by steps (average precision); by chance, the share of outliers.
        fpr80: the share of inliers that is taken for outliers where 80 % of the outliers are found: 0.8 by chance.
        fpr95: the same where 95 % are.
        num_inside: inliers.
        num_outside: outliers.
    """

    auroc: Rate
    auprc: Rate
    fpr80: Rate
    fpr95: Rate
    num_inside: int
    num_outside: int

    def __str__(self) -> str:
        rates = f"AUROC {self.auroc}, AUPRC {self.auprc}, FPR80 {self.fpr80}, FPR95 {self.fpr95}"
        return f"{rates}, {self.num_outside} outliers among {self.num_inside} inliers"


@checked
def detection(
    inside: np.ndarray, outside: np.ndarray, *, level: float = 0.95, num_resamples: int = 500, seed: int = 0
) -> Detection:
    """Tell two sets of scores apart by a threshold; no threshold is chosen.

    Intervals are by a percentile bootstrap, inliers and outliers resampled each among themselves. Where the two sets do
    not overlap at all, the interval has no width: say how many there are of each.

    Args:
        inside: scores [N] of inliers.
        outside: scores [M] of outliers, larger where the score is right; infinite ones are ranked.
        level: coverage of the intervals.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        DataError: unless both are vectors of at least two numbers, none of them NaN.
        SettingError: if ``level`` is not between 0 and 1.

    Reference: T. Fawcett, "An introduction to ROC analysis", 2006; J. Davis and M. Goadrich, "The relationship between
    precision-recall and ROC curves", 2006.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> found = detection(rng.normal(size=500), 1.0 + rng.normal(size=500))  # AUROC: Phi(1 / sqrt 2) = 0.760
        >>> found.auroc.low < 0.760 < found.auroc.high
        True
    """
    whole_number("detection: num_resamples", num_resamples, suggested=500)
    check_level(level)
    parts = [_numbers(part) for part in (inside, outside)]
    if any(part.ndim != 1 or len(part) < 2 or np.isnan(part).any() for part in parts):
        raise DataError(
            "detection: no scores to tell apart",
            expected="two vectors of at least two numbers each, none of them NaN",
            got=" and ".join(f"{list(part.shape)}, {int(np.isnan(part).sum())} NaN" for part in parts),
            fix="detection(scores_of_inliers, scores_of_outliers)",
            code="D119",
        )
    scores = np.concatenate(parts)
    order = np.argsort(-scores, kind="stable")
    # Equal scores are one step of both curves.
    ends = np.flatnonzero(np.append(scores[order][1:] != scores[order][:-1], True))
    numbers = len(parts[0]), len(parts[1])
    rng = np.random.default_rng(seed)
    values = _rates([np.ones(size) for size in numbers], order, ends)
    draws = [
        _rates([np.bincount(rng.integers(size, size=size), minlength=size) for size in numbers], order, ends)
        for _ in range(num_resamples)
    ]
    lows, highs = np.quantile(draws, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
    auroc, auprc, fpr80, fpr95 = (Rate(*map(float, rate)) for rate in zip(values, lows, highs, strict=True))
    return Detection(auroc, auprc, fpr80, fpr95, *numbers)


def _numbers(scores: object) -> np.ndarray:
    """As float64; what cannot be is empty."""
    try:
        return np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros(0)


def _rates(weights: list[np.ndarray], order: np.ndarray, ends: np.ndarray) -> list[float]:
    """AUROC, AUPRC, and the false positives at 80 and 95 % found, of weighted inliers and outliers.

    Args:
        weights: of inliers and of outliers: how often each is there.
        order: of both, joined, by falling score.
        ends: the last place of each distinct score.
    """
    num_inside, num_outside = (len(part) for part in weights)
    inside = np.concatenate([weights[0], np.zeros(num_outside)])[order].cumsum()[ends]
    outside = np.concatenate([np.zeros(num_inside), weights[1]])[order].cumsum()[ends]
    false, found = (np.append(0.0, part / part[-1]) for part in (inside, outside))
    # A resample may lack all of the largest scores.
    precision = outside / np.maximum(inside + outside, 1.0)
    steps = np.diff(found)
    area = float((np.diff(false) * (found[1:] + found[:-1]) / 2.0).sum())
    costs = [float(false[np.searchsorted(found, share - 1e-12)]) for share in (0.80, 0.95)]
    return [area, float((steps * precision).sum()), *costs]
