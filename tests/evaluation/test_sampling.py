from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

import ppgen.data
from ppgen.by_site import BySite
from ppgen.errors import Unanswerable
from ppgen.evaluation.sampling import answer_sampling


def test_every_number_stands_beside_its_floor(fake_fit: Callable[..., Any]) -> None:
    answer = answer_sampling(fake_fit(), None, seed=0)
    assert set(answer.estimates) == {"kid", "precision", "recall", "density", "coverage"}
    assert set(answer.baselines) == {f"{metric} real/real" for metric in answer.estimates}
    assert all(e.num_data == 360 for e in (*answer.estimates.values(), *answer.baselines.values()))
    assert len(answer.facts["feature_network"]) == 64
    kid, floor = answer.estimates["kid"], answer.baselines["kid real/real"]
    assert abs(floor.value) < 3.0 * float(floor.standard_error or 0.0)
    assert kid.value > 5.0 * float(kid.standard_error or 0.0)  # independent pixels are no digits
    assert answer.estimates["coverage"].value < answer.baselines["coverage real/real"].value - 0.2


def test_real_data_as_samples_are_as_good_as_the_floor(
    fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fake_fit()
    monkeypatch.setattr(fit, "sample", lambda n, site, seed: fit.data.split("valid")["x"][:n])
    answer = answer_sampling(fit, None, seed=0)
    for metric, estimate in answer.estimates.items():
        floor = answer.baselines[f"{metric} real/real"]
        spread = float(estimate.standard_error or 0.0) + float(floor.standard_error or 0.0)
        assert abs(estimate.value - floor.value) < 2.5 * spread


def test_a_conditional_model_gets_covariates_of_the_test_split(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit(conditional=True)
    answer_sampling(fit, None, seed=0)
    (asked,) = fit.asked
    assert set(asked) == {"y"}
    assert torch.equal(asked["y"].sort().values, fit.data.split("test")["y"].sort().values)


def test_fewer_samples_on_request_never_more_than_there_are_data(fake_fit: Callable[..., Any]) -> None:
    assert answer_sampling(fake_fit(), 50, seed=0).estimates["kid"].num_data == 50
    assert answer_sampling(fake_fit(), 10_000, seed=0).estimates["kid"].num_data == 360


def test_several_observed_sites(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    drawn = BySite(y=torch.zeros(100), x=fit.data.split("valid")["x"][:100])
    monkeypatch.setattr(fit, "sample", lambda n, site, seed: drawn.at(site))
    assert answer_sampling(fit, 100, seed=0).estimates["kid"].num_data == 100


def test_too_few_data_points_are_a_reason(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    few = {split: {"x": fit.data.split(split)["x"][:8]} for split in ("train", "valid", "test")}
    fit = dataclasses.replace(fit, data=ppgen.data.from_tensors(few))
    with pytest.raises(Unanswerable, match="8 real data points are too few"):
        answer_sampling(fit, None, seed=0)
