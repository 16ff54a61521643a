from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
import pytest
import torch

import ppgen.data
from ppgen.data import Dataset
from ppgen.errors import Unanswerable
from ppgen.evaluation import Evaluation, Scorecard, encodings, evaluate


def represented(fit: Any) -> Scorecard:
    return evaluate(fit, ["representation"], progress=False)


def test_principal_components_are_as_good_as_their_own_baseline(fake_fit: Callable[..., Any]) -> None:
    card = represented(fake_fit())
    numbers = card["representation"]
    assert set(numbers) == {"linear_probe", "knn", "reconstruction_error", "active_units"}
    for metric in ("linear_probe", "knn", "reconstruction_error"):
        assert numbers[metric].value == pytest.approx(card.baselines_of(metric)["PCA-6"].value)
    assert card.baselines_of("linear_probe")["raw pixels"].value > 0.8
    assert numbers["active_units"].value == 6.0
    assert card.refusals == {}


def test_a_guide_that_reads_the_label_is_not_probed_for_it(fake_fit: Callable[..., Any]) -> None:
    card = represented(fake_fit(told=True))
    assert set(card["representation"]) == {"reconstruction_error", "active_units"}
    reason = "the guide reads y, which its code could simply repeat"
    assert card.refusals == {("representation", "linear_probe"): reason, ("representation", "knn"): reason}


def test_attributes_that_hold_the_label_are_no_less_a_leak(digits: Dataset) -> None:
    """A guide that reads a one-hot of the label beside x, as that of a conditional model does."""
    torch.manual_seed(0)
    data = dataclasses.replace(ppgen.data.attributes(digits, ["y"], key="told"), origin=None)

    class Conditional(ppgen.Model):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Linear(12, 64)

        @ppgen.latent
        def z(self) -> Any:
            return dist.Normal(torch.zeros(2), 1.0).to_event(1)

        @ppgen.observed
        def x(self, z: torch.Tensor, told: torch.Tensor) -> Any:
            logits = self.net(torch.cat([z, told.expand(*z.shape[:-1], 10)], -1))
            return dist.Bernoulli(logits=logits.unflatten(-1, (1, 8, 8))).to_event(3)

    fit = ppgen.fit(Conditional(), data, max_epochs=1, progress=False)
    card = represented(fit)
    assert card.refusals["representation", "linear_probe"] == "the guide reads told, which its code could simply repeat"
    assert set(card["representation"]) == {"reconstruction_error", "active_units"}


def test_a_seen_part_of_the_data_is_no_leak(digits: Dataset) -> None:
    model = ppgen.models.MaskedVAE(x_shape=(1, 8, 8), latent_dim=2, width=8, hidden=(8,))
    fit = ppgen.fit(model, ppgen.data.quadrants(digits), max_epochs=1, progress=False)
    assert "linear_probe" in represented(fit)["representation"]


def test_without_labels_there_is_nothing_to_probe_for(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    bare = {split: {"x": fit.data.split(split)["x"]} for split in ("train", "valid", "test")}
    card = represented(dataclasses.replace(fit, data=ppgen.data.from_tensors(bare)))
    assert set(card["representation"]) == {"reconstruction_error", "active_units"}
    assert card.refusals["representation", "linear_probe"] == "the data have no labels to probe for"


def test_several_latents_are_one_code(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    monkeypatch.setattr(
        fit, "encode", lambda batch, seed: {"a": fit.pca.encode(batch["x"])[:, :2], "b": batch["x"][:, 0, :2, :3]}
    )
    card = represented(fit)
    assert card["representation"]["active_units"].unit == "of 8"
    assert "PCA-8" in card.baselines_of("linear_probe")


def test_global_latents_are_no_code(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    monkeypatch.setattr(fit, "encode", lambda batch, seed: {})
    with pytest.raises(Unanswerable, match="all latent variables are global"):
        encodings(Evaluation(fit))


def test_large_training_splits_are_thinned(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[encodings.__module__], "_MOST_ROWS", 100)
    card = evaluate(fake_fit(), ["linear_probe"], progress=False)
    assert "100 training points" in card["representation"]["linear_probe"].estimator
    assert torch.initial_seed() == 0
