"""Inversion: codes of data by descent, against least squares and against codes that are known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import ppgen
from ppgen import nets
from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.models import GAN, ConditionalGAN, GatedPixelCNN

QUIET: dict[str, Any] = {"progress": False, "device": "cpu", "max_epochs": 1}


@pytest.fixture(scope="module")
def linear() -> Fit:
    torch.manual_seed(0)
    return ppgen.fit(GAN((4,), 2, hidden=(), output="none"), torch.randn(50, 4), **QUIET)


def test_of_a_linear_generator_it_is_least_squares(linear: Fit) -> None:
    affine, x = linear.model.generator.perceptron[0], torch.randn(7, 4)
    found = linear.invert(x, restarts=1, steps=300)
    nearest = torch.linalg.lstsq(affine.weight, (x - affine.bias).T).solution.T.detach()
    torch.testing.assert_close(found.codes["z"], nearest, atol=1e-3, rtol=1e-3)
    errors = (linear.decode(found.codes)["x"] - x).square().mean(1).sqrt()
    torch.testing.assert_close(found.distances, errors)


def test_more_descents_come_no_less_near_and_a_draw_finds_itself() -> None:
    torch.manual_seed(1)
    model = GAN((6,), 2, output="none", generator=nets.decoder(2, (6,), (16, 16), nn.Tanh))
    fit = ppgen.fit(model, torch.randn(50, 6), **QUIET)
    with torch.no_grad():
        for parameter in fit.model.generator.parameters():
            parameter.mul_(3.0)
    x = fit.sample(20, site="x", seed=5)
    one, many = (fit.invert(x, restarts=restarts, seed=2).distances for restarts in (1, 8))
    assert many.mean() < one.mean()
    assert many.median() < 0.01
    assert not fit.model.generator.perceptron[0].weight.grad_fn
    assert all(parameter.requires_grad for parameter in fit.model.parameters())


def test_codes_serve_walks_and_conditions_stay(linear: Fit) -> None:
    x = torch.randn(3, 4)
    codes = linear.invert(x, steps=5).codes
    assert linear.interpolate(codes, linear.invert(-x, steps=5).codes, steps=3).latents["z"].shape == (3, 3, 2)
    model = ConditionalGAN((4,), 3, 2, (8,), output="none")
    data = {"x": torch.randn(60, 4), "y": torch.arange(60) % 3}
    told = ppgen.fit(model, data, objective=ppgen.Adversarial(nets.ProjectionCritic((4,), 3, (8,), 8)), **QUIET)
    few = {key: value[:5] for key, value in data.items()}
    found = told.invert(few, steps=20)
    errors = (told.decode(found.codes, y=few["y"])["x"] - few["x"]).square().mean(1).sqrt()
    torch.testing.assert_close(found.distances, errors)


def test_what_has_no_codes_is_refused(linear: Fit) -> None:
    pixels = ppgen.fit(GatedPixelCNN((1, 8, 8), 4, 1), "digits", batch_size=512, **QUIET)
    with pytest.raises(Unanswerable, match="no latent variables"):
        pixels.invert()
    with pytest.raises(SettingError, match="restarts"):
        linear.invert(restarts=0)
