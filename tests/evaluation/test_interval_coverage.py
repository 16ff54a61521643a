"""Central intervals: what they hold of a posterior that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from ppgen.errors import DataError, SettingError
from ppgen.evaluation import IntervalCoverage, interval_coverage


def gold(rows: int = 20_000, correlation: float = 0.0, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    second = correlation * noise[:, 0] + (1 - correlation**2) ** 0.5 * noise[:, 1]
    return torch.stack([noise[:, 0], second], 1)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.5, 0.0), (2.0, 0.0), (1.0, 1.0), (0.7, 0.4)])
def test_holds_what_a_normal_distribution_holds(scale: float, shift: float) -> None:
    found = interval_coverage(scale * gold(seed=1)[:, :1] + shift, gold()[:, :1])
    half = scale * norm.ppf(0.975)
    assert found.shares.item() == pytest.approx(norm.cdf(shift + half) - norm.cdf(shift - half), abs=0.01)


def test_a_correlation_that_is_missed_shows_in_sums_and_differences() -> None:
    """Of correlation r, x + y has variance 2 + 2 r, and x - y 2 - 2 r, where independent coordinates have 2."""
    found = interval_coverage(gold(seed=1), gold(correlation=0.6))
    expected = [2 * norm.cdf(norm.ppf(0.975) / spread) - 1 for spread in (1.0, 1.0, 1.6**0.5, 0.4**0.5)]
    assert found.shares.tolist() == pytest.approx(expected, abs=0.01)


@given(st.integers(1, 5), st.integers(0, 100))
def test_units_change_nothing(dim: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    draws, reference = random.normal(size=(2, 50, dim))
    unit, origin = np.exp2(random.integers(-9, 9, dim)), random.integers(-3, 3, dim)
    found = interval_coverage(draws, reference)
    assert len(found.shares) == dim**2
    moved = interval_coverage(unit * (draws + origin), unit * (reference + origin))
    assert (found.shares - moved.shares).abs().max() <= 0.02  # one of 50 on an edge, by rounding


def test_a_truth_is_inside_or_outside() -> None:
    assert interval_coverage(gold(), torch.tensor([[0.1, 9.0]])).shares.tolist() == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("share", "what"), [(0.88, "overconfident, try Flow"), (0.95, "quantities"), (0.99, "too wide")]
)
def test_says_what_is_wrong(share: float, what: str) -> None:
    parts = [IntervalCoverage(torch.full((600,), share, dtype=torch.float64), 0.95) for _ in range(2)]
    found = IntervalCoverage.together(parts)
    said = found.verdict("try Flow")
    assert said.startswith(f"its 95 % intervals hold {100 * share:.1f} % of the reference over 1,200 quantities")
    assert what in said
    assert found.holds == (share == 0.95)


@pytest.mark.parametrize(
    ("draws", "reference", "what"),
    [
        (np.zeros((5, 2)), np.zeros((5, 3)), "same numbers"),
        (np.zeros((1, 2)), np.zeros((5, 2)), "same numbers"),
        (np.zeros((5, 2)), np.zeros((0, 2)), "same numbers"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), "not finite"),
    ],
)
def test_refuses_what_cannot_be_held_side_by_side(draws: Any, reference: Any, what: str) -> None:
    with pytest.raises(DataError, match=what):
        interval_coverage(draws, reference)


def test_refuses_a_level_beyond_one() -> None:
    with pytest.raises(SettingError, match="level"):
        interval_coverage(gold(), gold(), level=95)
