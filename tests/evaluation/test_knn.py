from __future__ import annotations

import numpy as np

from ppgen.evaluation.knn import knn_accuracy


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
