from __future__ import annotations

import math

import pytest
import torch

import ppgen
from ppgen.guides import Delta, MeanField
from tests.oracles.conjugate import GammaPoisson
from tests.oracles.linear_gaussian import PPCA, frozen, marginal, posterior


def test_it_ends_at_the_mode_of_the_posterior() -> None:
    """Of a Gaussian posterior the mode is the mean."""
    model = frozen(PPCA())
    torch.manual_seed(0)
    x = marginal(model).sample((3100,)).float()
    data = {"train": x[:3000], "valid": x[3000:3010], "test": x[3010:]}
    fit = ppgen.fit(
        model,
        data,
        guide=Delta(model),
        max_epochs=30,
        batch_size=100,
        learning_rate=3e-3,
        schedule="cosine",
        progress=False,
    )
    mode = posterior(model, x[3010:]).mean
    spread = posterior(model, x[3010:]).stddev.mean()
    assert (fit.encode().only - mode).abs().mean() < 0.2 * spread
    z = fit.encode().only
    joint = model.z().log_prob(z) + model.x(z).log_prob(x[3010:])
    row = fit.history[-1]["valid"]
    assert "elbo" not in row
    assert math.isfinite(row["log_joint"])
    assert joint.mean().item() == pytest.approx(row["log_joint"], abs=2.0)


def test_draws_are_one_point_on_the_support() -> None:
    model = GammaPoisson()
    guide, x = Delta(model), torch.tensor([[0.0, 3.0], [7.0, 1.0]])
    first, second = guide({"x": x})["rate"], guide({"x": x})["rate"]
    assert torch.equal(first, second)
    assert (first > 0).all()
    assert not torch.equal(MeanField(model)({"x": x})["rate"], MeanField(model)({"x": x})["rate"])
