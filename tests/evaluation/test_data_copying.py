"""Data copying, beside a second implementation and where the truth is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu
from sklearn.neighbors import NearestNeighbors

from ppgen.errors import DataError
from ppgen.evaluation import data_copying, evaluate


@pytest.mark.parametrize("levels", [0, 3])  # continuous, and so coarse that most distances are equal
def test_it_is_the_statistic_of_mann_and_whitney(levels: int) -> None:
    train, test, generated = torch.randn(50, 2), torch.randn(40, 2), 0.7 * torch.randn(30, 2)
    if levels:
        train, test, generated = (points.mul(levels / 2).round() for points in (train, test, generated))
    search = NearestNeighbors(n_neighbors=1).fit(train)
    near, far = (search.kneighbors(points)[0][:, 0].round(6) for points in (generated, test))
    below = mannwhitneyu(far, near).statistic / (len(near) * len(far))  # pairs in which the test point is farther
    assert data_copying(train, test, generated).value == pytest.approx(below, abs=1e-12)


def test_the_datas_own_distribution_has_one_half_and_the_error_is_the_spread() -> None:
    estimates = [data_copying(torch.randn(60, 2), torch.randn(50, 2), torch.randn(80, 2)) for _ in range(300)]
    values = np.array([estimate.value for estimate in estimates])
    errors = np.array([estimate.standard_error for estimate in estimates])
    assert abs(values.mean() - 0.5) < 3.0 * values.std() / math.sqrt(len(values))
    assert 0.9 < values.std() / errors.mean() < 1.1
    covered = np.abs(values - 0.5) < 1.96 * errors
    assert 0.92 < covered.mean() < 0.98


def test_copies_are_told_and_so_are_misses() -> None:
    train, test = torch.randn(100, 3), torch.randn(100, 3)
    assert data_copying(train, test, train[:50]).value == 1.0
    assert data_copying(train, test, test + 100.0).value == 0.0
    assert data_copying(train, train[:50], train[50:]).value == 0.5  # copies all, none of them nearer


@pytest.mark.parametrize(
    ("generated", "words"),
    [
        (torch.zeros(1, 3), "nothing to compare"),
        (torch.zeros(9, 2), "these features have none"),
        (torch.zeros(9), "these features have none"),
        (torch.full((9, 3), torch.nan), "these features have none"),
    ],
)
def test_what_cannot_be_compared_is_refused(generated: torch.Tensor, words: str) -> None:
    with pytest.raises(DataError, match=words):
        data_copying(torch.zeros(5, 3), torch.randn(9, 3), generated)


def test_samples_that_are_training_data_stand_out(flat_fit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    train = flat_fit.data.split("train")["x"]
    monkeypatch.setattr(flat_fit, "sample", lambda n, site, seed: train[:n])
    card = evaluate(flat_fit, ["data_copying"], progress=False)
    found, held = card["sampling"]["data_copying"], card.baselines_of("data_copying")["validation data"]
    assert found.value > 0.6 > held.value + 0.02
    assert abs(held.value - 0.5) < 3.0 * (held.standard_error or 0.0)
    assert found.estimator == "nearest of 60 training points, 60 against 60"
