from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.probes import check_labelled, knn_accuracy, once, probe_accuracy


@pytest.mark.parametrize(
    ("codes", "labels"),
    [
        (np.zeros((3, 2)), np.zeros(4)),
        (np.zeros((3, 2, 2)), np.zeros(3)),
        (np.zeros((0, 2)), np.zeros(0)),
        (np.array([[np.inf]]), np.zeros(1)),
    ],
)
def test_codes_that_do_not_fit_are_refused(codes: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(DataError, match="test codes"):
        check_labelled(codes, labels, "test")


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


def vote(train: np.ndarray, labels: np.ndarray, point: np.ndarray, k: int) -> int:
    nearest = np.argsort(((train - point) ** 2).sum(1))[:k]
    return int(np.bincount(labels[nearest]).argmax())


def test_against_a_vote_by_hand() -> None:
    rng = np.random.default_rng(0)
    train, labels = rng.normal(size=(80, 3)), rng.integers(2, size=80)
    test, answers = rng.normal(size=(60, 3)), rng.integers(2, size=60)
    expected = np.mean([vote(train, labels, point, 5) == answer for point, answer in zip(test, answers, strict=True)])
    assert knn_accuracy(train, labels, test, answers).value == expected


def test_a_collapsed_unit_counts_for_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    codes = np.stack([4.0 * labels + rng.normal(size=400), *1e-3 * rng.normal(size=(50, 400))], axis=1)
    assert knn_accuracy(codes[:200], labels[:200], codes[200:], labels[200:]).value > 0.95


def test_fewer_codes_than_neighbours() -> None:
    assert knn_accuracy(np.zeros((2, 1)), np.ones(2), np.zeros((3, 1)), np.ones(3)).value == 1.0


def test_what_was_probed_before_is_known() -> None:
    """By the values: other codes, labels, settings or probes are asked anew."""
    asked = []

    def probe(*data: np.ndarray, seed: int = 0) -> Estimate:
        asked.append(seed)
        return knn_accuracy(*data)

    codes, labels = np.arange(20.0)[:, None], np.arange(20) // 10
    data = codes, labels, codes + 0.1, labels
    others = [(codes * 2, *data[1:]), (codes, 1 - labels, *data[2:]), (*data[:2], codes[::-1], labels)]
    first = once(probe, *data, seed=0)
    assert once(probe, *(array.copy() for array in data), seed=0) is first
    assert asked == [0]
    once(probe, *data, seed=1)
    assert [once(probe, *other, seed=0) for other in others] == [knn_accuracy(*other) for other in others]
    assert asked == [0, 1, 0, 0, 0]
