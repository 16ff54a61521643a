"""Bayesian regression, and the LKJ example's covariance matrix: all latents global, all data in one batch."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal, init_to_feasible
from pyro.nn import PyroModule, PyroSample
from torch import Tensor, nn

import ppgen
from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")


class BayesianRegression(PyroModule):
    """Of the tutorial: weights that are drawn whenever they are read."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = PyroModule[nn.Linear](3, 1)
        self.linear.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 3]).to_event(2))
        self.linear.bias = PyroSample(dist.Normal(0.0, 10.0).expand([1]).to_event(1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        sigma = pyro.sample("sigma", dist.Uniform(0.0, 10.0))
        mean = self.linear(x).squeeze(-1)
        with pyro.plate("data", x.shape[0]):
            pyro.sample("obs", dist.Normal(mean, sigma), obs=y)
        return mean


def lkj(y: Tensor) -> None:
    d = y.shape[1]
    theta = pyro.sample("theta", dist.HalfCauchy(torch.ones(d)).to_event(1))
    correlation = pyro.sample("L_omega", dist.LKJCholesky(d, torch.tensor(1.5)))
    scale = torch.diag_embed(theta.sqrt()) @ correlation
    with pyro.plate("observations", len(y)):
        pyro.sample("obs", dist.MultivariateNormal(torch.zeros(d), scale_tril=scale), obs=y)


def unplated(x: Tensor) -> None:
    """An autoregression whose observed series stands in no plate: only its order makes it what it is."""
    slope = pyro.sample("slope", dist.Normal(0.0, 1.0))
    pyro.sample("x", dist.Normal(slope * nn.functional.pad(x[:-1], (1, 0)), 1.0).to_event(1), obs=x)


def houses() -> dict[str, Tensor]:
    x = torch.randn(12, 3)
    return {"x": x, "y": x @ torch.tensor([1.0, -2.0, 0.5]) + 0.3 * torch.randn(12)}


@pytest.mark.parametrize("kind", [AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal])
def test_regression_trains_as_by_svi(kind: type) -> None:
    model = BayesianRegression()
    fit = fitted_as_by_svi(model, lambda: kind(model, init_loc_fn=init_to_feasible), houses(), Trace_ELBO())
    assert float(fit.elbo(num_particles=3)) == pytest.approx(bound_of_pyro(fit, Trace_ELBO(), 3), rel=1e-8)


def test_lkj_trains_as_by_svi() -> None:
    data = {"y": torch.randn(10, 3)}
    fit = fitted_as_by_svi(lkj, lambda: AutoNormal(lkj, init_loc_fn=init_to_feasible), data, Trace_ELBO())
    assert float(fit.elbo(num_particles=3)) == pytest.approx(bound_of_pyro(fit, Trace_ELBO(), 3), rel=1e-8)


@pytest.mark.parametrize("batch_size", [None, 128])
def test_a_series_is_taken_whole_in_its_order(batch_size: int | None) -> None:
    x = torch.linspace(-1.0, 1.0, 20) ** 3
    program = ppgen.Program(unplated, AutoMultivariateNormal(unplated, init_loc_fn=init_to_feasible))
    fit = ppgen.fit(
        program, {"x": x}, batch_size=batch_size, max_epochs=400, learning_rate=0.05, schedule="cosine", progress=False
    )
    assert torch.equal(fit.data.split("train")["x"], x)
    precision = 1.0 + (x[:-1] ** 2).sum()
    draws = fit.posterior(num_draws=4000).posterior["slope"].values
    assert draws.mean() == pytest.approx(((x[:-1] * x[1:]).sum() / precision).item(), abs=0.1)
    assert draws.std() == pytest.approx(precision.rsqrt().item(), rel=0.1)


def test_the_exact_evidence_bounds_the_bound() -> None:
    x = torch.randn(15)
    fit = ppgen.fit(
        ppgen.Program(unplated, AutoMultivariateNormal(unplated, init_loc_fn=init_to_feasible)),
        {"x": x},
        batch_size=None,
        max_epochs=400,
        learning_rate=0.05,
        schedule="cosine",
        progress=False,
    )
    before = nn.functional.pad(x[:-1], (1, 0))
    covariance = torch.eye(15) + before[:, None] * before[None]
    # p(x) is no Gaussian, but at the x that was seen it is the integral over the slope of one.
    evidence = dist.MultivariateNormal(torch.zeros(15), covariance).log_prob(x).item()
    elbo = fit.elbo(num_particles=2000)
    assert elbo.standard_error is not None
    assert float(elbo) == pytest.approx(evidence, abs=0.05 + 4 * elbo.standard_error)
