from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ppgen.errors import DataError, SettingError
from ppgen.evaluation.bootstrap import paired_interval

vectors = arrays(np.float64, 30, elements=st.floats(-100, 100))


def test_the_interval_is_that_of_a_normal_mean() -> None:
    rng = np.random.default_rng(1)
    differences = rng.normal(0.3, 2.0, size=2000)
    difference, low, high = paired_interval(differences, np.zeros(2000), num_resamples=4000)
    half = 1.96 * differences.std() / np.sqrt(2000)
    assert difference == pytest.approx(differences.mean())
    assert low == pytest.approx(difference - half, abs=0.1 * half)
    assert high == pytest.approx(difference + half, abs=0.1 * half)


def test_intervals_cover_as_often_as_they_claim() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        common = 20.0 * rng.normal(size=60)
        _, low, high = paired_interval(common + rng.normal(0.5, 1.0, 60), common, level=0.9, num_resamples=400)
        hits += low < 0.5 < high
    assert 0.83 < hits / 300 < 0.94


@given(first=vectors, second=vectors)
def test_swapping_flips_the_signs_and_nothing_else(first: np.ndarray, second: np.ndarray) -> None:
    difference, low, high = paired_interval(first, second, num_resamples=200)
    assert paired_interval(second, first, num_resamples=200) == pytest.approx((-difference, -high, -low), abs=1e-9)
    assert low - 1e-9 <= high


def test_many_draws_come_in_chunks() -> None:
    rng = np.random.default_rng(3)
    first = rng.normal(size=3_000)
    _, low, high = paired_interval(first, np.zeros(3_000), num_resamples=1500)  # three chunks of draws
    assert low < first.mean() < high


def test_what_is_not_paired_is_refused() -> None:
    with pytest.raises(DataError, match="paired"):
        paired_interval(np.zeros(3), np.zeros(4))
    with pytest.raises(DataError, match="finite"):
        paired_interval(np.array([0.0, -np.inf]), np.zeros(2))
    with pytest.raises(SettingError, match="level"):
        paired_interval(np.zeros(3), np.zeros(3), level=95)
