from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ppgen.errors import DataError, SettingError
from ppgen.evaluation.paired_interval import FEWEST, is_decided_by_few, paired_interval


def test_without_skewness_it_is_students_interval() -> None:
    half = np.random.default_rng(1).normal(0.0, 2.0, size=15)
    differences = np.concatenate([half, -half]) + 0.3
    expected = stats.t.interval(0.9, 29, loc=0.3, scale=stats.sem(differences))
    difference, low, high = paired_interval(differences, np.zeros(30), level=0.9)
    assert (difference, low, high) == pytest.approx((0.3, *expected))


def test_its_ends_are_where_halls_transformation_meets_students_quantiles() -> None:
    differences = np.random.default_rng(0).exponential(size=25)
    mean, low, high = paired_interval(differences, np.zeros(25))
    g, root = float(stats.skew(differences)) * (24 / 25) ** 1.5, 5.0
    for end, quantile in ((low, stats.t.ppf(0.975, 24)), (high, stats.t.ppf(0.025, 24))):
        t = (mean - end) / differences.std(ddof=1)
        assert root * (t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 150) == pytest.approx(quantile)


def test_swapping_the_models_flips_the_signs() -> None:
    first, second = np.random.default_rng(3).lognormal(size=(2, 40))
    mean, low, high = paired_interval(first, second)
    assert paired_interval(second, first) == pytest.approx((-mean, -high, -low))
    assert paired_interval(first, first) == (0.0, 0.0, 0.0)
    assert paired_interval(first + 1.0, first) == pytest.approx((1.0, 1.0, 1.0))
    assert paired_interval(first[:1], second[:1])[1:] == (-np.inf, np.inf)


DRAWS = {
    "normal": lambda rng, size: rng.normal(size=size),
    "t with 3 degrees": lambda rng, size: rng.standard_t(3, size=size),
    "exponential": lambda rng, size: rng.exponential(size=size) - 1.0,
    "log-normal": lambda rng, size: rng.lognormal(0.0, 1.5, size=size) - np.exp(1.125),
}


@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize("size", [FEWEST, 50, 360])
def test_an_order_is_shown_by_mistake_no_more_often_than_claimed(draws: str, size: int) -> None:
    """Of 2000 true nulls at 5 %: with a standard error of half a percent."""
    rng, wrong = np.random.default_rng(7), 0
    for differences in DRAWS[draws](rng, (2000, size)):
        _, low, high = paired_interval(differences, np.zeros(size))
        wrong += (low > 0.0 or high < 0.0) and not is_decided_by_few(differences, np.zeros(size))
    assert wrong / 2000 < 0.065


def test_heavy_tails_far_from_zero_leave_the_order() -> None:
    differences = np.random.default_rng(0).lognormal(0.0, 1.5, size=50)
    zeros = np.zeros(50)
    near, far = differences - 1.5, differences + 20.0
    assert paired_interval(near, zeros)[1] > 0.0
    assert is_decided_by_few(near, zeros)
    assert not is_decided_by_few(far, zeros)
    assert is_decided_by_few(zeros, near)


def test_what_is_not_paired_is_refused() -> None:
    with pytest.raises(DataError, match="paired"):
        paired_interval(np.zeros(3), np.zeros(4))
    with pytest.raises(DataError, match="finite"):
        paired_interval(np.array([0.0, -np.inf]), np.zeros(2))
    with pytest.raises(SettingError, match="coverage"):
        paired_interval(np.zeros(3), np.zeros(3), level=1.0)
