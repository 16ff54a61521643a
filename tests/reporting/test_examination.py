"""Fits with one thing wrong each, and one with nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.data import from_tensors
from ppgen.fitted import Fit
from ppgen.reporting import examine
from ppgen.reporting.examination import LOOKS


class Line(ppgen.Model):
    """z ~ Normal(0, 1);  x | z ~ Normal(slope z, 1), with a slope that is known."""

    def __init__(self, slope: float = 1.0) -> None:
        super().__init__()
        self.slope = slope

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand_by([1]).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(self.slope * z, 1.0).to_event(1)


class Reading(ppgen.Guide):
    """The posterior of Line, its scale times a factor, for the slope 1."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor, self.offset = factor, torch.nn.Parameter(torch.zeros(1))

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(x / 2 + 0.0 * self.offset, self.factor * 0.5**0.5).to_event(1)


def fitted(model: ppgen.Model | None = None, guide: ppgen.Guide | None = None, **settings: Any) -> Fit:
    torch.manual_seed(0)
    data = from_tensors(1.4 * torch.randn(400, 1), valid=0.2, test=0.3)
    chosen: dict[str, Any] = {
        "guide": guide or Reading(),
        "max_epochs": 1,
        "learning_rate": 1e-9,
        "progress": False,
    } | settings
    return ppgen.fit(model or Line(), data, **chosen)


def bounds(fit: Fit, values: list[float], **settings: Any) -> Fit:
    """The fit with another history."""
    fit.history = [{"epoch": epoch, "train": {}, "valid": {"elbo": value}} for epoch, value in enumerate(values, 1)]
    fit.settings |= settings
    return fit


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    found = examine(bounds(fitted(), [-9.0, -5, -3, -2.1, -2, -2, -2, -2, -2, -2]))
    assert found.complaints == {}
    lines = str(found).splitlines()
    assert lines[0] == "nothing found"
    assert lines[1].startswith("looked at, and found nothing: how training ended, convergence, overfitting, posterior")
    assert lines[2:] == ["not looked at: adversarial game (no critic was trained)"]
    assert [one.look for one in found.findings] == list(LOOKS)


@pytest.mark.parametrize(
    ("values", "patience", "look", "words"),
    [
        ([-9.0, -8, -7, -6, -5], None, "convergence", "still rises, by 1 nats over the last 1 of 5 epochs, 25 %"),
        ([-9.0, -3, -2, -4, -5], None, "overfitting", "best in epoch 3 of 5, and has fallen by 3 nats"),
        ([-9.0, -3, -2, -4, -5], 2, "", ""),  # the best weights were kept
    ],
)
def test_a_curve_is_read(values: list[float], patience: int | None, look: str, words: str) -> None:
    found = examine(bounds(fitted(), values, patience=patience)).complaints
    assert set(found) == ({look} if look else set())
    assert words in found.get(look, "")


@pytest.mark.parametrize(("stopped", "words"), [("diverged", "clip_norm"), ("interrupted", "resume=True")])
def test_an_early_end_is_told(stopped: str, words: str) -> None:
    fit = fitted()
    fit.stopped = stopped
    assert words in examine(fit).complaints["how training ended"]


def test_a_narrow_guide_is_not_calibrated_and_its_weights_are_heavy() -> None:
    found = examine(fitted(guide=Reading(0.3))).complaints
    assert "too narrow" in found["calibration of the guide"]
    assert "ppgen.Simulation()" in found["calibration of the guide"]
    assert "report AIS" in found["importance weights"]


def test_a_code_that_does_not_move_is_told() -> None:
    fit = fitted(Line(0.0))
    with torch.no_grad():
        fit.guide.offset.zero_()
    fit.guide = ppgen.guides.MeanField(fit.model)
    for weights in fit.guide.parameters():
        weights.data.zero_()
    assert "none of the 1 units" in examine(fit).complaints["posterior collapse"]


def test_a_density_on_a_grid_is_told() -> None:
    torch.manual_seed(0)
    data = from_tensors(torch.randn(400, 1).round())
    fit = ppgen.fit(Line(), data, guide=Reading(), max_epochs=1, learning_rate=1e-9, progress=False)
    assert "levels of x" in examine(fit).complaints["density of values on a grid"]


def test_a_game_is_looked_at() -> None:
    data = from_tensors({"x": torch.randn(400, 2)})
    fit = ppgen.fit(ppgen.models.GAN((2,), 2), data, max_epochs=1, progress=False)
    fit.history[-1]["train"] |= {"accuracy_real": 0.99, "accuracy_fake": 0.99}
    found = examine(fit)
    assert "The critic wins" in found.complaints["adversarial game"]
    refused = {one.look for one in found.findings if one.refusal}
    assert {"posterior collapse", "importance weights", "calibration of the guide"} <= refused
    assert all(dataclasses.asdict(one) for one in found.findings)
