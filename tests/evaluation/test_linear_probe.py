from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ppgen.errors import DataError
from ppgen.evaluation.linear_probe import probe_accuracy


def two_gaussians(size: int, separation: float, noise_dims: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(size)
    labels = rng.integers(2, size=size)
    codes = rng.normal(size=(size, 1 + noise_dims))
    codes[:, 0] += separation * labels
    return codes, labels


def test_two_gaussians_reach_the_best_possible_accuracy() -> None:
    estimate = probe_accuracy(*two_gaussians(2000, 2.0), *two_gaussians(5000, 2.0))
    assert estimate.standard_error is not None
    assert abs(estimate.value - norm.cdf(1.0)) < 3.0 * estimate.standard_error


def test_the_scale_of_the_codes_does_not_matter() -> None:
    train, test = two_gaussians(400, 1.5), two_gaussians(1000, 1.5)
    scale, shift = np.array([1e4, 1e-4, 1.0, 50.0]), np.array([3.0, -1e3, 0.0, 8.0])
    scaled = probe_accuracy(train[0] * scale + shift, train[1], test[0] * scale + shift, test[1])
    assert scaled.value == pytest.approx(probe_accuracy(*train, *test).value, abs=0.003)


def test_labels_that_codes_do_not_know_are_guessed_at_chance() -> None:
    estimate = probe_accuracy(*two_gaussians(500, 0.0, 20), *two_gaussians(2000, 0.0, 20))
    assert abs(estimate.value - 0.5) < 0.05


def test_test_labels_never_enter_the_fit() -> None:
    train, test = two_gaussians(300, 1.0), two_gaussians(500, 1.0)
    right = probe_accuracy(*train, *test).value
    assert probe_accuracy(*train, test[0], 1 - test[1]).value == pytest.approx(1.0 - right)


def test_large_training_sets_are_thinned_and_it_says_so() -> None:
    estimate = probe_accuracy(*two_gaussians(3000, 2.0), *two_gaussians(100, 2.0), most_rows=200)
    assert "200 training points" in estimate.estimator


@pytest.mark.parametrize(("size", "classes"), [(9, 2), (50, 1)])
def test_nothing_to_tell_apart(size: int, classes: int) -> None:
    with pytest.raises(DataError, match="nothing to tell apart"):
        probe_accuracy(np.zeros((size, 2)), np.arange(size) % classes, np.zeros((3, 2)), np.zeros(3, dtype=int))
