"""Clusters of codes whose agreement with labels is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from ppgen.errors import DataError
from ppgen.evaluation import cluster_scores, evaluate
from tests.evaluation.conftest import FakeFit

LABELS = np.arange(90) % 3


def scores(codes: np.ndarray, labels: np.ndarray = LABELS, num_clusters: int = 3) -> dict[str, float]:
    found = cluster_scores(codes, codes, labels, num_clusters=num_clusters)
    return {name: estimate.value for name, estimate in found.items()}


def groups(members: np.ndarray) -> np.ndarray:
    return 50.0 * np.eye(4)[members] + 0.01 * np.random.default_rng(0).normal(size=(len(members), 4))


def test_clusters_by_chance_say_nothing() -> None:
    rng = np.random.default_rng(1)
    codes = groups(rng.integers(3, size=900))
    found = cluster_scores(codes, codes, np.arange(900) % 3, num_clusters=3)
    assert abs(found["ari"].value) < 0.01
    assert found["nmi"].value < 0.01
    assert 1 / 3 <= found["accuracy"].value < 0.42
    assert found["ari"].standard_error == pytest.approx(0.004, abs=0.003)


def test_what_is_counted_by_hand() -> None:
    members = np.where(np.arange(90) < 18, (LABELS + 1) % 3, LABELS)  # a fifth of each class in the next one's cluster
    table = np.array([[24, 6, 0], [0, 24, 6], [6, 0, 24]])
    best = max(sum(table[i, p[i]] for i in range(3)) for p in itertools.permutations(range(3))) / 90
    pairs = lambda counts: float((counts * (counts - 1) / 2).sum())
    by_chance = pairs(table.sum(0)) * pairs(table.sum(1)) / pairs(np.array([90]))
    ari = (pairs(table) - by_chance) / ((pairs(table.sum(0)) + pairs(table.sum(1))) / 2 - by_chance)
    share = table[table > 0] / 90
    nmi = float((share * np.log(share / (1 / 9))).sum()) / np.log(3)
    assert scores(groups(members)) == pytest.approx({"accuracy": best, "ari": ari, "nmi": nmi})
    assert best == pytest.approx(0.8)


def test_a_cluster_more_than_classes_has_no_name() -> None:
    members = np.where((LABELS == 2) & (np.arange(90) < 30), 3, LABELS)  # ten rows of class 2 apart
    assert scores(groups(members), num_clusters=4)["accuracy"] == pytest.approx(80 / 90)


def test_more_clusters_than_codes_are_refused() -> None:
    with pytest.raises(DataError, match="fewer training codes"):
        cluster_scores(np.eye(2), groups(LABELS), LABELS, num_clusters=3)


def test_metrics_of_a_fit_stand_beside_pixels(fake_fit: Callable[..., FakeFit]) -> None:
    card = evaluate(fake_fit(), ["clusters"], progress=False)
    assert set(card["clusters"]) == {"cluster_accuracy", "cluster_ari", "cluster_nmi"}
    assert set(card.baselines_of("cluster_nmi")) == {"raw pixels", "PCA-6"}
    # The fake's codes are the first six principal components themselves.
    assert card["clusters"]["cluster_ari"].value == pytest.approx(card.baselines_of("cluster_ari")["PCA-6"].value)
    assert 0.3 < card["clusters"]["cluster_accuracy"].value < 0.95
