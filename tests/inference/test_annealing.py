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
from ppgen.inference import AnnealedWeights, LocalDensity, anneal, find_path, forget, hmc_step, run_hmc, state_at
from ppgen.inference.persistent_momentum import Whitening, glide, pair_state
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
    low, high = lower.log_prob - 3 * lower.standard_error, upper.log_prob + 3 * upper.standard_error
    assert float(((low <= truth) & (truth <= high)).double().mean()) >= 0.95
    assert 0.0 < float((high - low).mean()) < 0.25
    distances = torch.cat([error / lower.standard_error, (upper.log_prob - truth) / upper.standard_error])
    assert 0.8 < float(distances.std()) < 1.4  # the standard error over chains is what it says


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
    assert (path.betas.shape, path.num_steps) == ((13, 3), 12)
    assert (path.betas[0] == 0).all()
    assert (path.betas[-1] == 1).all()
    assert (path.betas.diff(dim=0) > 0).all()
    assert (path.step_sizes.shape, path.whitening.scale.shape) == ((13, 3), (3, 4))


class Between(LocalDensity):
    """Known densities: p is q, or another Gaussian, times e^3."""

    num_chains, num_data = 16, 1

    def __init__(self, p: Any, q: Any) -> None:
        self.p, self.q, self.num_data = p, q, q.batch_shape[0]

    def draw(self) -> Tensor:
        return self.q.sample((16,))

    def both(self, free: Tensor) -> tuple[Tensor, Tensor]:
        return self.p.log_prob(free) + 3.0, self.q.log_prob(free)


def test_temperatures_are_dense_where_the_weights_spread() -> None:
    p = dist.Normal(torch.zeros(2, 1), torch.tensor([[1.0], [5.0]])).to_event(1)
    q = dist.Normal(torch.zeros(2, 1), torch.tensor([[5.0], [1.0]])).to_event(1)
    path = find_path(Between(p, q), 400)
    # With the precision l(b) = (1 - b) / 25 + b, the spread of log p - log q is 1 / l: half of its integral lies
    # where l is the geometric mean of both ends, at b = 1/6; for the other datum at 5/6.
    assert torch.allclose(path.betas[200], torch.tensor([1 / 6, 5 / 6]).double(), atol=0.08)


def test_coordinates_are_whitened_by_the_target_s_covariance() -> None:
    spread = torch.tensor([[0.01, 2.0, 30.0]])
    mixing = torch.tensor([[[1.0, 0.0, 0.0], [0.95, 0.31, 0.0], [0.0, 0.6, 0.8]]])
    target = dist.MultivariateNormal(torch.zeros(1, 3), scale_tril=spread.unsqueeze(-1) * mixing)
    density = Between(target, target)
    path = find_path(density, 400)
    root = path.whitening.to_free(torch.eye(3).unsqueeze(1)).squeeze(1).T / spread.T
    assert torch.allclose(root @ root.T, mixing[0] @ mixing[0].T, atol=0.35)
    found = anneal(density, path, density.draw())
    assert torch.allclose(found.log_weights, torch.tensor(3.0).double(), atol=1e-4)  # wherever the chains go
    before = target.sample((4000,))
    later = forget(density, path, before, 30)
    assert torch.allclose(later.std(0) / spread, torch.ones(1, 3), atol=0.06)
    assert torch.allclose(later[:, 0].T.corrcoef(), mixing[0] @ mixing[0].T, atol=0.06)
    assert torch.cat([before, later], 2)[:, 0].T.corrcoef()[:3, 3:].abs().max() < 0.3  # and the start is forgotten


def test_a_step_turned_back_goes_back() -> None:
    def both(at: Tensor) -> tuple[Tensor, Tensor]:
        wall = torch.where(at[..., 0] > 0, -at[..., 0], torch.nan)
        return wall, wall

    state = pair_state(both, torch.full((64, 1, 1), 0.01))
    momentum = torch.full((64, 1, 1), -3.0)
    whitening, beta, size = Whitening(torch.ones(1, 1)), torch.full((1,), 0.5), torch.full((1,), 0.5)
    end, moved, acceptance = glide(both, beta, state, momentum, size, whitening)
    assert torch.equal(end.position, state.position)
    assert (acceptance == 0).all()
    assert float(moved.mean()) > 1.5
    for _ in range(20):
        end, moved, _ = glide(both, beta, end, moved, size, whitening)
    assert (end.position > 0).all()
    assert float(end.position.mean()) > 0.3


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
