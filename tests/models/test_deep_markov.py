from __future__ import annotations

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal
from torch.distributions.transforms import ReshapeTransform

from ppgen.declare import Guide, latent
from ppgen.guides import MeanField, NetworkGuide
from ppgen.inference.bound import elbo_parts
from ppgen.inference.importance import log_weights
from ppgen.models import DeepMarkovModel
from ppgen.nets import Smoother

LENGTH, STATE, DIM = 4, 2, 3


class Linear(nn.Module):
    """``Normal(A z, s)``."""

    def __init__(self, dim: int, out: int, scale: float) -> None:
        super().__init__()
        self.map, self.scale = nn.Linear(dim, out, bias=False), scale

    def forward(self, z: Tensor) -> dist.TorchDistribution:
        return dist.Normal(self.map(z), self.scale).to_event(1)


def linear() -> DeepMarkovModel:
    model = DeepMarkovModel((LENGTH, DIM), STATE)
    model.transition, model.emission = Linear(STATE, STATE, 0.6), Linear(STATE, DIM, 0.8)
    nn.init.normal_(model.start_loc)
    return model.double()


def kalman(model: DeepMarkovModel, x: Tensor) -> Tensor:
    """log p(x) [N] by the Kalman filter: predict, score, correct."""
    a, c = model.transition.map.weight, model.emission.map.weight
    q, r = (s**2 * torch.eye(n).double() for s, n in ((model.transition.scale, STATE), (model.emission.scale, DIM)))
    mean, covariance = model.start_loc.expand(len(x), STATE), (2 * model.start_log_scale).exp().diag()
    result = torch.zeros(len(x)).double()
    for t in range(LENGTH):
        spread = c @ covariance @ c.T + r
        result = result + MultivariateNormal(mean @ c.T, spread).log_prob(x[:, t])
        gain = torch.linalg.solve(spread, c @ covariance).T
        mean = mean + (x[:, t] - mean @ c.T) @ gain.T
        covariance = covariance - gain @ c @ covariance
        mean, covariance = mean @ a.T, a @ covariance @ a.T + q
    return result


class Posterior(Guide):
    """The exact p(z | x) of the linear model, a Gaussian over whole paths."""

    def __init__(self, model: DeepMarkovModel) -> None:
        super().__init__()
        eye = torch.eye(LENGTH).double()
        a, c = model.transition.map.weight, torch.kron(eye, model.emission.map.weight)
        powers = [torch.linalg.matrix_power(a, t) for t in range(LENGTH)]
        steps = model.transition.scale**2 * torch.eye(STATE).double()
        noise = [(2 * model.start_log_scale).exp().diag()] + [steps] * LENGTH
        rows = [torch.cat([_covariance(powers, noise, s, t) for t in range(LENGTH)], 1) for s in range(LENGTH)]
        prior = torch.cat(rows)
        self.mean = torch.cat([power @ model.start_loc for power in powers])
        spread_of_x = c @ prior @ c.T + model.emission.scale**2 * torch.eye(len(c)).double()
        self.weight = torch.linalg.solve(spread_of_x, c @ prior).T
        self.spread, self.c = prior - self.weight @ c @ prior, c

    @latent
    def z(self, x: Tensor) -> dist.TorchDistribution:
        mean = self.mean + (x.flatten(1) - self.c @ self.mean) @ self.weight.T
        return dist.TransformedDistribution(
            dist.MultivariateNormal(mean, (self.spread + self.spread.T) / 2),
            [ReshapeTransform((LENGTH * STATE,), (LENGTH, STATE))],
        )


def _covariance(powers: list[Tensor], noise: list[Tensor], s: int, t: int) -> Tensor:
    """``Cov(z_s, z_t) = sum_{u <= min(s, t)} A^(s - u) Q_u (A^(t - u))^T``."""
    return sum(powers[s - u] @ noise[u] @ powers[t - u].T for u in range(min(s, t) + 1))


def test_linear_and_gaussian_it_is_the_kalman_filters_density():
    # At the exact posterior, every draw's weight is log p(x) itself.
    model = linear()
    with torch.no_grad():
        x = model(size=5)["x"]
        torch.testing.assert_close(log_weights(model, Posterior(model), {"x": x}), kalman(model, x))


def test_a_guide_that_knows_of_time_beats_one_that_does_not():
    # A random walk seen through noise: neighbouring states are strongly tied, which mean-field cannot follow.
    model = linear()
    with torch.no_grad():
        model.transition.map.weight.copy_(torch.eye(STATE))
        model.transition.scale = 0.2
        x = model(size=64)["x"]
        exact = kalman(model, x).mean()
    model = model.requires_grad_(False)
    bounds = []
    for guide in (MeanField(model).setup({"x": x}), NetworkGuide(Smoother(DIM, STATE, hidden=16).double())):
        optimizer = torch.optim.Adam(guide.parameters(), lr=1e-2)
        values = []
        for _ in range(200):
            drawn = elbo_parts(model, guide, {"x": x}, len(x))
            optimizer.zero_grad()
            (drawn.distortion + drawn.rate).backward()
            optimizer.step()
            values.append(-(drawn.distortion + drawn.rate).detach())
        bounds.append(torch.stack(values[-50:]).mean())
    assert bounds[1] > bounds[0] + 0.5
    assert bounds[1] < exact + 0.05
