"""Interpolations begin and end at the codes, and turn evenly where the prior is Normal."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.walks.interpolate import spherical
from tests.walks.conftest import DOWN, UP


def test_a_line_is_a_line_in_every_latent(levels: Fit, rows: Tensor) -> None:
    walk = levels.interpolate(rows[:2], rows[2:4], "linear", steps=5)
    t = torch.linspace(0.0, 1.0, 5).reshape(1, 5, 1)
    for name, code in {"b": rows[:, :2] @ UP, "a": rows[:, :2], "e": rows[:, 2:]}.items():
        first, last = code[:2].unsqueeze(1), code[2:4].unsqueeze(1)
        assert torch.allclose(walk.latents[name], (1 - t) * first + t * last, atol=1e-6)
    assert torch.equal(walk.coordinates, t.reshape(1, 5).expand(2, 5))


def test_a_sphere_is_walked_in_the_noise_of_each_level(levels: Fit, rows: Tensor) -> None:
    walk = levels.interpolate(rows[:2], rows[2:4], "spherical", steps=7)
    b, a = walk.latents["b"], walk.latents["a"]
    assert torch.allclose(b[:, 0], rows[:2, :2] @ UP, atol=1e-6)
    assert torch.allclose(a[:, -1], rows[2:4, :2], atol=1e-5)
    for noise in (b, (a - b @ DOWN) / 0.5):
        norm = noise.norm(dim=-1)
        assert torch.allclose(norm, torch.lerp(norm[:, :1], norm[:, -1:], torch.linspace(0.0, 1.0, 7)), atol=1e-5)
        turns = torch.nn.functional.cosine_similarity(noise[:, 1:], noise[:, :-1], dim=-1).clamp(-1, 1).acos()
        assert torch.allclose(turns, turns.mean(1, keepdim=True).expand_as(turns), atol=2e-3)


def test_one_latent_moves_and_the_level_below_follows(levels: Fit, rows: Tensor) -> None:
    walk = levels.interpolate(rows[:1], rows[1:2], site="b", steps=3)
    assert torch.allclose(walk.latents["a"], walk.latents["b"] @ DOWN, atol=1e-6)
    assert torch.equal(walk.latents["e"], rows[:1, 2:].expand(1, 3, 1))


def test_spherical_against_numbers_by_hand() -> None:
    a, b = torch.tensor([[2.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 4.0], [3.0, 0.0], [-1.0, 0.0]])
    half = spherical(a, b, torch.full((3,), 0.5))
    assert torch.allclose(half, torch.tensor([[3 / math.sqrt(2), 3 / math.sqrt(2)], [2.0, 0.0], [0.0, 0.0]]), atol=1e-6)
    third = spherical(a[:1], b[:1], torch.tensor([1 / 3]))
    assert torch.atan2(third[0, 1], third[0, 0]).item() == pytest.approx(math.pi / 6, abs=1e-6)


def test_between_draws_of_the_prior_the_norm_stays_that_of_draws() -> None:
    torch.manual_seed(0)
    fit = ppgen.fit(ppgen.models.GAN((1, 4, 4), 64, hidden=(8,)), torch.rand(40, 1, 4, 4), max_epochs=1, progress=False)
    walk, line = (fit.interpolate(path=path, n=50) for path in (None, "linear"))
    assert torch.allclose(walk.latents["z"][:, 0], line.latents["z"][:, 0], atol=1e-5)
    assert walk.latents["z"][:, 4].norm(dim=1).mean().item() == pytest.approx(8.0, abs=0.2)
    assert line.latents["z"][:, 4].norm(dim=1).mean().item() == pytest.approx(8.0 / math.sqrt(2), abs=0.2)


def test_what_cannot_be_halved_changes_over_halfway(classes: Fit) -> None:
    codes = {"c": torch.tensor([0]), "z": torch.tensor([[1.0, 0.0]])}, {"c": torch.tensor([2]), "z": torch.zeros(1, 2)}
    walk = classes.interpolate(*codes, "linear", steps=5, y=1)
    assert walk.latents["c"].tolist() == [[0, 0, 2, 2, 2]]
    a, b = ({"x": torch.zeros(1, 2), "y": torch.tensor([y])} for y in (0, 1))
    values = classes.interpolate(a, b, "linear", steps=5).values["x"][0, :, 0]
    assert torch.equal(values.round(decimals=3) >= 5, torch.tensor([False, False, True, True, True]))


def test_bad_inputs_are_refused_by_name(levels: Fit, noise: Fit, rows: Tensor) -> None:
    with pytest.raises(SettingError, match="one end of the walk is missing"):
        levels.interpolate(rows[:1])
    with pytest.raises(DataError, match="do not match row by row"):
        levels.interpolate(rows[:2], rows[:3])
    with pytest.raises(SettingError, match="interpolate: unknown path"):
        levels.interpolate(rows[:1], rows[1:2], "curved")
    with pytest.raises(Unanswerable, match="without a guide"):
        noise.interpolate(torch.zeros(1, 1), torch.zeros(1, 1))


def test_a_prior_that_is_not_normal_has_a_line_and_no_sphere() -> None:
    fit = ppgen.fit(ppgen.models.FlowPriorVAE((1, 8, 8), 2, hidden=(8,)), "digits", max_epochs=1, progress=False)
    codes = {"z": torch.zeros(1, 2)}, {"z": torch.ones(1, 2)}
    assert torch.allclose(fit.interpolate(*codes, steps=3).latents["z"][0, 1], torch.full((2,), 0.5))
    with pytest.raises(Unanswerable, match="no Normal distribution"):
        fit.interpolate(*codes, "spherical")
