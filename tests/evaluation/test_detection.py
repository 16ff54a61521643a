from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from ppgen.errors import DataError, SettingError
from ppgen.evaluation import Detection, detection

SCORES = arrays.arrays(np.float64, st.integers(2, 30), elements=st.integers(-3, 3).map(float))


def at(found: np.ndarray, false: np.ndarray, share: float) -> float:
    return float(false[np.argmax(found >= share - 1e-12)])


@given(inside=SCORES, outside=SCORES)
@settings(max_examples=40, deadline=None)
def test_all_numbers_are_those_of_scikit_learn(inside: np.ndarray, outside: np.ndarray) -> None:
    told = detection(inside, outside, num_resamples=2)
    labels = np.repeat([0, 1], [len(inside), len(outside)])
    scores = np.concatenate([inside, outside])
    false, found, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert told.auroc.value == pytest.approx(roc_auc_score(labels, scores))
    assert told.auprc.value == pytest.approx(average_precision_score(labels, scores))
    assert told.fpr80.value == pytest.approx(at(found, false, 0.80))
    assert told.fpr95.value == pytest.approx(at(found, false, 0.95))


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.5])
def test_two_unit_gaussians_have_the_closed_areas(apart: float) -> None:
    size = 40_000
    grid = norm.ppf((np.arange(size) + 0.5) / size)  # the two distributions themselves, and no draws of them
    told = detection(grid, grid + apart, num_resamples=1)
    assert told.auroc.value == pytest.approx(norm.cdf(apart / np.sqrt(2.0)), abs=1e-4)
    for share, rate in ((0.80, told.fpr80), (0.95, told.fpr95)):
        assert rate.value == pytest.approx(norm.sf(apart + norm.ppf(1.0 - share)), abs=1e-3)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    truth = norm.cdf(1.0 / np.sqrt(2.0))
    hits = 0
    for seed in range(100):
        rate = detection(rng.normal(size=80), 1.0 + rng.normal(size=80), num_resamples=150, seed=seed).auroc
        hits += rate.low <= truth <= rate.high
    assert 88 <= hits <= 99  # of 95 in the mean, with a spread of 2


def test_infinite_scores_are_ranked_and_swapping_mirrors() -> None:
    inside, outside = np.array([0.0, 1.0, -np.inf]), np.array([np.inf, 2.0])
    assert detection(inside, outside).auroc.value == 1.0
    assert detection(outside, inside).auroc.value == 0.0
    assert "AUROC 1.000 [1.000, 1.000]" in str(detection(inside, outside))
    assert isinstance(detection(inside, outside), Detection)
    assert float(detection(inside, outside).fpr95) == 0.0


@pytest.mark.parametrize("wrong", [np.array([1.0]), np.array([1.0, np.nan]), np.zeros((2, 2)), "ab", {"q": 1}])
def test_what_is_no_scores_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match="no scores"):
        detection(np.zeros(3), wrong)
    with pytest.raises(SettingError, match="level"):
        detection(np.zeros(3), np.zeros(3), level=1.0)
