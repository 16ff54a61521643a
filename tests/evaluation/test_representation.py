from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from sklearn.decomposition import PCA

import ppgen.data
from ppgen.errors import DataError, Unanswerable
from ppgen.evaluation.representation import (
    PrincipalComponents,
    answer_representation,
    count_active_units,
    reconstruction_error,
)


def test_units_that_move_are_counted() -> None:
    codes = torch.randn(500, 5) * torch.tensor([1.0, 0.5, 0.2, 0.01, 0.0]) + 1000.0
    estimate = count_active_units(codes)
    assert estimate.value == 3.0
    assert estimate.standard_error == 0.0
    assert estimate.unit == "of 5"


def test_principal_directions_of_a_linear_gaussian_model() -> None:
    # p(x) = N(0, W W' + s^2 I), posterior mean M^-1 W' x with M = W'W + s^2 I (Tipping and Bishop, 1999): the mean of
    # unit d has variance lambda / (lambda + s^2), lambda = |W_d|^2 for orthogonal columns.
    lengths = torch.tensor([3.0, 1.0, 0.5, 0.05], dtype=torch.float64)
    loadings = torch.linalg.qr(torch.randn(10, 4, dtype=torch.float64))[0] * lengths
    x = torch.randn(4000, 4, dtype=torch.float64) @ loadings.mT + torch.randn(4000, 10, dtype=torch.float64)
    means = x @ loadings @ torch.linalg.inv(loadings.mT @ loadings + torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(means.var(0), lengths**2 / (lengths**2 + 1.0), rtol=0.1, atol=0.002)
    assert count_active_units(means).value == 3.0  # 0.0025 is below the threshold


def test_a_unit_at_the_threshold_is_uncertain() -> None:
    estimate = count_active_units(0.1 * torch.randn(400, 30))
    assert estimate.standard_error is not None
    assert 1.0 < estimate.standard_error < 5.0


def test_one_code_moves_nowhere() -> None:
    with pytest.raises(DataError):
        count_active_units(torch.zeros(1, 3))


def test_value_and_error_over_data_points() -> None:
    x = torch.zeros(3, 1, 2, 2)
    made = torch.stack([torch.full((1, 2, 2), value) for value in (1.0, 2.0, 3.0)])
    estimate = reconstruction_error(x, made)
    assert estimate.value == pytest.approx((1 + 4 + 9) / 3)
    assert estimate.standard_error == pytest.approx(torch.tensor([1.0, 4.0, 9.0]).std().item() / math.sqrt(3))
    assert reconstruction_error(x[:1], made[:1]).standard_error is None


def test_of_gaussian_noise_it_is_the_variance() -> None:
    x = torch.randn(2000, 10)
    estimate = reconstruction_error(x, x + 0.5 * torch.randn(2000, 10))
    assert estimate.standard_error is not None
    assert abs(estimate.value - 0.25) < 3.0 * estimate.standard_error


def test_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="shape of the data"):
        reconstruction_error(torch.zeros(3, 4), torch.zeros(3, 5))


def test_against_scikit_learn() -> None:
    x = torch.randn(50, 2, 3) @ torch.tensor([[2.0, 0.3, 0.0], [0.0, 1.0, 0.2], [0.0, 0.0, 0.5]])
    ours, theirs = PrincipalComponents.fit(x, 4), PCA(4).fit(x.flatten(1))
    torch.testing.assert_close(
        ours.encode(x).abs(), torch.from_numpy(theirs.transform(x.flatten(1))).abs().double(), atol=1e-4, rtol=1e-4
    )
    expected = torch.from_numpy(theirs.inverse_transform(theirs.transform(x.flatten(1)))).reshape(x.shape).float()
    torch.testing.assert_close(ours.reconstruct(x), expected, atol=1e-4, rtol=1e-4)


def test_never_more_directions_than_dimensions() -> None:
    pca = PrincipalComponents.fit(torch.randn(10, 3), 20)
    assert pca.num_components == 3
    torch.testing.assert_close(pca.directions @ pca.directions.mT, torch.eye(3, dtype=torch.float64))


def test_no_data() -> None:
    with pytest.raises(DataError):
        PrincipalComponents.fit(torch.zeros(0, 3), 2)


def test_principal_components_are_as_good_as_their_own_baseline(fake_fit: Callable[..., Any]) -> None:
    answer = answer_representation(fake_fit(), seed=0)
    assert set(answer.estimates) == {"linear_probe", "knn", "reconstruction_error", "active_units"}
    for metric in ("linear_probe", "knn", "reconstruction_error"):
        assert answer.estimates[metric].value == pytest.approx(answer.baselines[f"{metric} PCA-6"].value)
    assert answer.baselines["linear_probe raw pixels"].value > 0.8
    assert answer.estimates["active_units"].value == 6.0
    assert answer.refusals == {}


def test_a_guide_that_reads_the_label_is_not_probed_for_it(fake_fit: Callable[..., Any]) -> None:
    answer = answer_representation(fake_fit(told=True), seed=0)
    assert set(answer.estimates) == {"reconstruction_error", "active_units"}
    assert answer.refusals["linear_probe"] == answer.refusals["knn"]
    assert "the guide reads y" in answer.refusals["knn"]


def test_without_labels_there_is_nothing_to_probe_for(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    bare = {split: {"x": fit.data.split(split)["x"]} for split in ("train", "valid", "test")}
    answer = answer_representation(dataclasses.replace(fit, data=ppgen.data.from_tensors(bare)), seed=0)
    assert set(answer.estimates) == {"reconstruction_error", "active_units"}
    assert answer.refusals["linear_probe"] == "the data have no labels to probe for"


def test_several_latents_are_one_code(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    monkeypatch.setattr(
        fit, "encode", lambda batch: {"a": fit.pca.encode(batch["x"])[:, :2], "b": batch["x"][:, 0, :2, :3]}
    )
    answer = answer_representation(fit, seed=0)
    assert answer.estimates["active_units"].unit == "of 8"
    assert "linear_probe PCA-8" in answer.baselines


def test_global_latents_are_no_code(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    monkeypatch.setattr(fit, "encode", lambda batch: {})
    with pytest.raises(Unanswerable, match="all latent variables are global"):
        answer_representation(fit, seed=0)


def test_large_training_splits_are_thinned(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppgen.evaluation.representation._MOST_ROWS", 100)
    answer = answer_representation(fake_fit(), seed=0)
    assert "100 training points" in answer.estimates["linear_probe"].estimator
    assert torch.initial_seed() == 0
