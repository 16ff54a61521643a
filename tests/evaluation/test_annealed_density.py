"""The annealed density of a sampler with a declared noise, against its integral over a grid of latents."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.evaluation import annealed_log_prob, sandwiched_log_prob
from ppgen.fitted import Fit
from ppgen.models import GAN

QUIET: dict[str, Any] = {"progress": False, "device": "cpu"}
DIM, SIGMA, SIDE = 4, 0.2, 6.0


def bent_sampler(latent_dim: int, scale: float) -> Fit:
    """A fit whose generator is the truth: a curve, or a sheet, that bends in four dimensions."""
    torch.manual_seed(latent_dim)
    truth = GAN((DIM,), latent_dim, hidden=(16,), output="none")
    with torch.no_grad():
        for parameter in truth.parameters():
            parameter.mul_(scale)
        x = truth(size=410)["x"]
        x = x + SIGMA * torch.randn_like(x)
    data = ppgen.data.from_tensors(x, valid=60 / 410, test=50 / 410)
    fit = ppgen.fit(GAN((DIM,), latent_dim, hidden=(16,), output="none"), data, max_epochs=1, **QUIET)
    fit.model.load_state_dict(truth.state_dict())
    return fit


def integral(dense: Fit, x: Tensor) -> Tensor:
    """``log p(x) = log int N(z; 0, I) N(x; g(z), sigma^2 I) dz``, [N], a sum over a grid."""
    model: Any = dense.model
    dim, points = model.latent_dim, 4001 if model.latent_dim == 1 else 301
    axis = torch.linspace(-SIDE, SIDE, points)
    z = torch.cartesian_prod(*[axis] * dim).reshape(-1, dim)
    sigma = float(model.observation.log_sigma.detach().exp())
    with torch.no_grad():
        made = model.output(model.generator(z)).double()
    squares = torch.cdist(x.double(), made).square() / sigma**2 + z.double().square().sum(1)
    cell = dim * math.log(2 * SIDE / (points - 1))
    return (-0.5 * squares).logsumexp(1) + cell - DIM * math.log(sigma) - 0.5 * (DIM + dim) * math.log(2 * math.pi)


@pytest.mark.parametrize(("latent_dim", "scale"), [(1, 3.0), (2, 2.0)])
def test_the_density_of_a_sampler_with_noise_is_the_integral_over_its_latents(latent_dim: int, scale: float) -> None:
    fit = bent_sampler(latent_dim, scale)
    dense = fit.with_noise(max_epochs=20, batch_size=50, learning_rate=0.01, **QUIET)
    x = fit.data.split("test")["x"]
    exact = integral(dense, x)
    assert float((dense.log_prob_per_datum(x, 1) - exact).mean()) < -0.2  # the encoder's posterior is not the true one
    found = annealed_log_prob(dense, x, 200)
    error = found.values - exact
    assert abs(float(error.mean())) < 0.05
    assert float(error.abs().max()) < 0.5
    assert float((error.abs() < 4 * found.standard_error + 0.02).double().mean()) > 0.9
    bounds = sandwiched_log_prob(dense, 50, 200)
    low, high = bounds.interval
    drawn = integral(dense, bounds.data["x"])
    assert float(((low <= drawn) & (drawn <= high)).double().mean()) >= 0.95
    assert float((high - low).mean()) < 0.3
