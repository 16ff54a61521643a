from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

import ppgen.data
from ppgen.errors import Unanswerable
from ppgen.evaluation.representation import answer_representation


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
