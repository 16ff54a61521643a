"""Annealed importance sampling and HMC where evidence and posterior are known: a linear-Gaussian model."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.context import seeded
from ppgen.declare import Guide, latent
from ppgen.inference import AnnealedWeights, LocalDensity, anneal, find_path, hmc_step, run_hmc, state_at
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal, posterior


class Shifted(Guide):
    """The best independent Gaussians, all of them 0.05, half a standard deviation, too far up."""

    def __init__(self, model: PPCA) -> None:
        super().__init__()
        self.of = model

    @latent
    def z(self, x: Tensor) -> Any:
        exact = posterior(self.of, x)
        precision = exact.precision_matrix.diagonal(dim1=-2, dim2=-1)
        return dist.Normal((exact.mean + 0.05).float(), precision.rsqrt().float().expand(len(x), -1)).to_event(1)


@pytest.fixture(scope="module")
def model() -> PPCA:
    return PPCA().requires_grad_(False)


def data(model: PPCA, num_data: int) -> Tensor:
    return marginal(model).sample((num_data,)).float()


@pytest.fixture(autouse=True)
def _context() -> Any:
    with seeded(0, torch.device("cpu")), torch.no_grad():
        yield


def test_the_evidence_of_50_data_lies_between_the_two_bounds(model: PPCA) -> None:
    x = data(model, 50)
    density = LocalDensity(model, Shifted(model), {"x": x}, 16)
    path = find_path(density, 100)
    truth = log_evidence(model, x)
    log_p, log_q = density.both(density.draw())
    assert float((log_p - log_q).mean() - truth.mean()) < -0.2  # what the guide's own bound lacks
    lower = anneal(density, path, density.draw())
    error = lower.log_prob - truth
    assert abs(float(error.mean())) < 0.05
    assert float(error.abs().max()) < 0.5
    start = posterior(model, x).sample((16,)).float()
    upper = anneal(density, path, start, is_reverse=True)
    low, high = lower.log_prob - 2 * lower.standard_error, upper.log_prob + 2 * upper.standard_error
    assert float(((low <= truth) & (truth <= high)).double().mean()) >= 0.9
    assert 0.0 < float((high - low).mean()) < 0.2


def test_weights_are_unbiased_whatever_the_path(model: PPCA) -> None:
    x = data(model, 1).expand(400, -1)  # each row an independent repetition
    density = LocalDensity(model, Shifted(model), {"x": x}, 8)
    found = anneal(density, find_path(density, 3), density.draw())
    ratio = (found.log_weights - log_evidence(model, x[:1])).exp()
    assert abs(float(ratio.mean()) - 1.0) < 4 * float(ratio.std()) / math.sqrt(ratio.numel())
    assert float(ratio.std()) > 0.1  # so that this says something


def test_bounds_are_means_of_weights_and_of_their_inverses() -> None:
    weights = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    assert math.isclose(float(AnnealedWeights(weights.log()).log_prob), math.log(2.0))
    assert math.isclose(float(AnnealedWeights(weights.log(), True).log_prob), -math.log(2 / 3))
    assert math.isclose(float(AnnealedWeights(weights.log()).standard_error), math.sqrt(2) / 2 / math.sqrt(2))
    far = AnnealedWeights(weights.log() - 2000.0)
    assert math.isclose(float(far.standard_error), 0.5)


def test_a_path_runs_from_guide_to_posterior_with_steps_for_each_datum(model: PPCA) -> None:
    x = data(model, 3)
    density = LocalDensity(model, Shifted(model), {"x": x}, 4)
    path = find_path(density, 12)
    assert (path.betas[0], path.betas[-1], path.num_steps) == (0.0, 1.0, 12)
    assert list(path.betas) == sorted(path.betas)
    assert (path.step_sizes.shape, path.scale.shape) == ((13, 3), (3, 4))


def test_hmc_draws_have_the_posterior_s_moments(model: PPCA) -> None:
    x = data(model, 8)
    density = LocalDensity(model, Shifted(model), {"x": x}, 32)
    start = density.draw()
    found = run_hmc(density.log_joint, start + 1.0, start.std(0), 100, 200)
    exact = posterior(model, x)
    draws = found.draws.double().flatten(0, 1)
    assert float(((draws.mean(0) - exact.mean) / exact.stddev).abs().max()) < 0.1
    centred = draws - draws.mean(0)
    covariance = torch.einsum("snd,sne->nde", centred, centred) / len(draws)
    error = (covariance - exact.covariance_matrix).flatten(1).norm(dim=1) / exact.covariance_matrix.flatten(1).norm(
        dim=1
    )
    assert float(error.mean()) < 0.05
    assert ((found.acceptance > 0.6) & (found.acceptance < 0.98)).all()


def test_targets_of_any_scale_get_steps_and_scales_of_their_own() -> None:
    spread = torch.tensor([[1e-3, 1.0], [1.0, 50.0]])

    def log_density(at: Tensor) -> Tensor:
        return -0.5 * (at / spread).square().sum(-1)

    found = run_hmc(log_density, 3.0 * torch.randn(8, 2, 2) * spread, torch.ones(2, 2), 400, 300)
    assert torch.allclose(found.draws.std(dim=(0, 1)) / spread, torch.ones(2, 2), atol=0.1)
    assert torch.allclose(found.scale / spread, torch.ones(2, 2), atol=0.3)


def test_a_step_into_nothing_is_turned_down() -> None:
    def log_density(at: Tensor) -> Tensor:
        return torch.where(at[..., 0] > 0, -at[..., 0], torch.nan)

    state = state_at(log_density, torch.full((4, 3, 1), 0.01))
    for _ in range(20):
        state, acceptance = hmc_step(log_density, state, torch.full((3,), 0.5), torch.ones(3, 1))
        assert torch.isfinite(acceptance).all()
    assert (state.position > 0).all()
    assert torch.isfinite(state.log_density).all()
