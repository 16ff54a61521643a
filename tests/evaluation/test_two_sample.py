"""The classifier two-sample test, where the best classifier's accuracy is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from ppgen.errors import DataError, SettingError
from ppgen.evaluation import classifier_two_sample, evaluate


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


def test_a_smaller_network_is_named_and_a_linear_one_sees_a_shift() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 200, 3))
    small = classifier_two_sample(first, second + 1.0, hidden=(20,), max_epochs=100, folds=2)
    linear = classifier_two_sample(first, second + 1.0, hidden=(), folds=2)
    best = norm.cdf(math.sqrt(3) / 2)
    for found in (small, linear):
        assert abs(found.value - best) < 3 * (found.standard_error or 0.0) + 0.02
    assert (small.estimator, linear.estimator) == ("MLP 20, 2 folds", "MLP linear, 2 folds")


@pytest.mark.parametrize("settings", [{"hidden": (0,)}, {"max_epochs": 0}, {"folds": 1}])
def test_settings_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(settings))):
        classifier_two_sample(torch.zeros(100, 2), torch.zeros(100, 2), **settings)


def test_samples_are_told_from_test_data_and_real_ones_are_not(flat_fit: Any) -> None:
    card = evaluate(flat_fit, ["two_sample"], progress=False)
    found, floor = card["sampling"]["two_sample"], card.baselines_of("two_sample")["real/real"]
    assert found.value > 0.65 > floor.value
    assert floor.standard_error is not None
    assert abs(floor.value - 0.5) < 3 * floor.standard_error
    assert found.estimator == "MLP 20, 5 folds"
