"""The classifier two-sample test, where the best classifier's accuracy is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from ppgen.errors import DataError
from ppgen.evaluation import classifier_two_sample


@pytest.mark.parametrize("distance", [0.0, 1.0, 3.0])
def test_two_gaussians_are_told_apart_as_often_as_can_be(distance: float) -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 500, 1))
    second += distance
    found = classifier_two_sample(first, second)
    assert found.standard_error is not None
    assert abs(found.value - norm.cdf(distance / 2)) < 3 * found.standard_error + 0.02
    assert (found.kind, found.better, found.num_data) == ("lower bound", "lower", 1000)


def test_units_do_not_matter_and_a_seed_repeats() -> None:
    first, second = torch.randn(2, 40, 1, generator=torch.Generator().manual_seed(0))
    told = classifier_two_sample(first, second, folds=2)
    assert told == classifier_two_sample(first.numpy(), second.numpy(), folds=2)
    moved = classifier_two_sample(1024 * first, 1024 * second, folds=2)
    assert moved.value == told.value


@pytest.mark.parametrize(
    ("draws", "what"),
    [
        (torch.zeros(100, 2), "told apart fairly"),
        (torch.zeros(90, 3), "told apart fairly"),
        (torch.full((100, 3), torch.nan), "not finite"),
    ],
)
def test_refuses_what_gives_no_fair_accuracy(draws: Any, what: str) -> None:
    with pytest.raises(DataError, match=what):
        classifier_two_sample(draws, torch.zeros(100, 3))
