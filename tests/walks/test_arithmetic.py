"""Arithmetic adds the difference of mean codes, to what can be added to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from tests.walks.conftest import DOWN, UP


def test_the_difference_of_mean_codes_is_added(levels: Fit, rows: Tensor) -> None:
    walk = levels.arithmetic(rows[:3], rows[3:8], rows[8:10], strength=[0.0, 1.0, -2.0])
    shift = torch.tensor([0.0, 1.0, -2.0]).reshape(1, 3, 1)
    for name, code in {"b": rows[:, :2] @ UP, "a": rows[:, :2], "e": rows[:, 2:]}.items():
        difference = code[:3].mean(0) - code[3:8].mean(0)
        assert torch.allclose(walk.latents[name], code[8:10].unsqueeze(1) + shift * difference, atol=1e-6)
    assert torch.equal(walk.values["x"], torch.cat([walk.latents["a"], walk.latents["e"]], -1))
    assert walk.column_labels == ("+0", "+1", "-2")


def test_one_number_is_before_and_after(levels: Fit, rows: Tensor) -> None:
    walk = levels.arithmetic(rows[:3], rows[3:8], rows[8:9], strength=2.0)
    assert torch.equal(walk.coordinates, torch.tensor([[0.0, 2.0]]))


def test_one_level_moves_and_the_next_follows(levels: Fit, rows: Tensor) -> None:
    walk = levels.arithmetic(rows[:3], rows[3:8], rows[8:9], site="b")
    assert torch.allclose(walk.latents["a"], walk.latents["b"] @ DOWN, atol=1e-6)


def test_discrete_latents_stay(classes: Fit) -> None:
    codes = [{"c": torch.tensor([c]), "z": torch.full((1, 2), float(c))} for c in (2, 1, 0)]
    walk = classes.arithmetic(*codes, y=0)
    assert walk.latents["c"].tolist() == [[0, 0]]
    assert walk.latents["z"].tolist() == [[[0.0, 0.0], [1.0, 1.0]]]
    with pytest.raises(Unanswerable, match="no difference to add"):
        classes.arithmetic(*codes, y=0, site="c")


def test_noise_has_arithmetic_by_codes_alone(noise: Fit) -> None:
    codes = [{"z": torch.tensor([z])} for z in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 5.0])]
    assert noise.arithmetic(*codes).latents["z"][0].tolist() == [[0.0, 0.0, 5.0], [1.0, -1.0, 5.0]]
    with pytest.raises(Unanswerable, match="without a guide"):
        noise.arithmetic(*(torch.zeros(1, 1),) * 3)


@pytest.mark.parametrize("strength", [[], float("nan"), "much"])
def test_a_strength_is_a_number(noise: Fit, strength: object) -> None:
    codes = {"z": torch.zeros(1, 3)}
    with pytest.raises(SettingError, match="arithmetic: strength"):
        noise.arithmetic(codes, codes, codes, strength=strength)
