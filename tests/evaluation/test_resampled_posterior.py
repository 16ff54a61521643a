"""A guide's draws, resampled by their weights: the posterior itself, where the guide has mass enough."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.errors import Unanswerable
from ppgen.evaluation import resampled_posterior
from ppgen.objectives import ELBO, State

X = torch.tensor([1.0, 2.0, 0.5])


class Means(ppgen.Model):
    """mu ~ Normal(0, I) in the plane, x ~ Normal(mu[0] + mu[1], 1): means and covariance in closed form."""

    @ppgen.latent(local=False)
    def mu(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @ppgen.observed
    def x(self, mu: Tensor) -> Any:
        return dist.Normal(mu.sum(-1), 1.0)


class Round(ppgen.Guide):
    """A Gaussian without the correlation, off its place."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    @ppgen.latent(local=False)
    def mu(self) -> Any:
        return dist.Normal(torch.tensor([0.3, 0.4]), self.scale).to_event(1)


class Local(ppgen.Model):
    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, 1.0)


def fit(model: Any, guide: Any) -> ppgen.Fit:
    data = ppgen.data.from_tensors({"train": {"x": X}})
    return ppgen.Fit(State(model, guide), ELBO(), data, history=[], settings={}, seconds=0.0)


def test_is_the_posterior_whose_correlation_the_guide_has_not() -> None:
    precision = torch.eye(2) + len(X) * torch.ones(2, 2)
    covariance = torch.linalg.inv(precision)
    mean = covariance @ (X.sum() * torch.ones(2))
    found = resampled_posterior(fit(Means(), Round(1.0)), 1500)
    draws = found.draws["mu"]
    assert draws.shape == (1500, 2)
    assert ((draws.mean(0) - mean) / covariance.diagonal().sqrt()).abs().max() < 0.1
    assert (draws.T.cov() - covariance).abs().max() < 0.06  # its correlation is -0.75
    assert found.pareto_k < 0.7
    evidence = float(found.log_weights.logsumexp(0) - torch.tensor(6000.0).log())
    total = dist.MultivariateNormal(torch.zeros(3), torch.eye(3) + 2 * torch.ones(3, 3)).log_prob(X)
    assert evidence == pytest.approx(float(total), abs=0.1)
    assert 0.2 < found.effective_share < 0.7


def test_refuses_a_guide_that_leaves_out_a_part() -> None:
    with pytest.raises(Unanswerable, match="leaves out a part"):
        resampled_posterior(fit(Means(), Round(0.15)), 300)


def test_refuses_latents_of_each_datum() -> None:
    with pytest.raises(Unanswerable, match="global continuous latents"):
        resampled_posterior(fit(Local(), ppgen.guides.MeanField(Local()).setup({"x": X})), 100)
