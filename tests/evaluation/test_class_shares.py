"""Diversity by class, where shares are known."""

from __future__ import annotations

import dataclasses
import math
import types
from typing import Any

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.errors import DataError
from ppgen.evaluation import class_entropy, class_shares, evaluate, rarest_class
from tests.evaluation.conftest import FakeFit

SHARES = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)


def drawn(size: int) -> Tensor:
    return torch.multinomial(SHARES, size, replacement=True)


def test_known_shares_are_found_with_their_error() -> None:
    entropies = [class_entropy(drawn(500), 4) for _ in range(300)]
    exact = -(SHARES * SHARES.log()).sum() - 3 / (2 * 500)  # less Miller's bias
    values = torch.tensor([estimate.value for estimate in entropies])
    assert abs(values.mean() - exact) < 3.0 * values.std() / math.sqrt(len(values))
    claimed = sum(estimate.standard_error or 0.0 for estimate in entropies) / len(entropies)
    assert 0.85 * values.std() < claimed < 1.15 * values.std()
    least = rarest_class(drawn(20_000), 4)
    assert abs(least.value - 0.05) < 3.0 * (least.standard_error or 0.0)
    assert least.estimator == "class 3 of 4"


def test_a_class_that_is_missing_counts() -> None:
    classes = torch.tensor([0, 0, 2, 2])
    assert rarest_class(classes, 3).value == 0.0
    assert class_entropy(classes, 3).value == pytest.approx(math.log(2))
    assert class_entropy(torch.zeros(9, dtype=torch.long), 3).value == 0.0


@pytest.mark.parametrize("classes", [torch.rand(5), torch.tensor([]), torch.tensor([0, 3]), torch.tensor([-1, 0])])
def test_what_are_no_classes_is_refused(classes: Tensor) -> None:
    with pytest.raises(DataError, match="these are no classes"):
        class_entropy(classes, 3)


@pytest.fixture(scope="module")
def corners() -> FakeFit:
    """Three plain classes of vectors: which of three blocks is set."""
    y = torch.arange(240) % 3
    x = torch.nn.functional.one_hot(y, 3).float().repeat_interleave(4, 1)
    splits = {
        name: {"x": x[80 * i : 80 * i + 80], "y": y[80 * i : 80 * i + 80]}
        for i, name in enumerate(("train", "valid", "test"))
    }
    return FakeFit(ppgen.data.from_tensors(splits, name="corners"))


def test_samples_that_leave_a_class_out_are_told(corners: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = dataclasses.replace(corners)
    train = fit.data.split("train")
    kept = train["x"][train["y"] != 1]
    monkeypatch.setattr(fit, "sample", lambda n, site, seed: kept[torch.arange(n) % len(kept)])
    sees = types.SimpleNamespace(heads={"y": None}, classes=lambda x, task: x[:, ::4].argmax(1), hash="f00d")
    monkeypatch.setattr(class_shares, "feature_network", lambda data: sees)
    card = evaluate(fit, ["rarest_class", "class_entropy"], progress=False)
    found = card["sampling"]
    assert found["rarest_class"].value == 0.0
    assert found["rarest_class"].estimator == "class 1 of 3, y by a classifier"
    assert found["class_entropy"].value == pytest.approx(math.log(2), abs=1e-3)
    assert card.baselines_of("class_entropy")["test data"].value == pytest.approx(math.log(3), abs=1e-3)
    assert card.facts["class_shares"][1] == 0.0
    assert sum(card.facts["class_shares"]) == pytest.approx(1.0, abs=1e-5)
    assert card.facts["classifier"] == "f00d"


def test_data_without_labels_have_no_classes(flat_fit: Any) -> None:
    card = evaluate(flat_fit, ["class_entropy"], progress=False)
    assert "no labels" in card.refusals["sampling", "class_entropy"]
