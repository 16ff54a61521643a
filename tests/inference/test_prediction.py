"""Predictive densities against closed forms, with the exact posterior in the guide's place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from torch import Tensor

import ppgen
from tests.oracles.conjugate import SharedMean


class Coin(ppgen.Model):
    """p ~ Beta(2, 3), one for all data;  x_i ~ Bernoulli(p)."""

    @ppgen.latent(local=False)
    def p(self) -> Any:
        return dist.Beta(2.0, 3.0)

    @ppgen.observed
    def x(self, p: Tensor) -> Any:
        return dist.Bernoulli(p.expand(1)).to_event(1)


class Regression(ppgen.Model):
    """w ~ Normal(0, prior^2 I);  y | w, x ~ Normal(x w, 1/2)."""

    def __init__(self, prior: float = 2.0) -> None:
        super().__init__()
        self.prior = prior

    @ppgen.latent(local=False)
    def w(self) -> Any:
        return dist.Normal(torch.zeros(3), self.prior).to_event(1)

    @ppgen.observed
    def y(self, w: Tensor, x: Tensor) -> Any:
        return dist.Normal(x @ w, 0.5)

    def posterior(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean [3] and covariance [3, 3] of w."""
        covariance = torch.linalg.inv(x.T @ x / 0.25 + torch.eye(3, dtype=x.dtype) / self.prior**2)
        return covariance @ x.T @ y / 0.25, covariance


def fitted(model: Any, data: Any, draw: Any) -> Any:
    """A fit whose guide draws as we say."""

    class Exact(ppgen.guides.MeanField):
        def forward(self, batch: Any = None, size: Any = None, shifts: Any = None) -> Any:
            return draw(batch, size)

    done = ppgen.fit(model, data, max_epochs=1, progress=False)
    done.guide = Exact(model)
    return done


def coin() -> tuple[Any, Tensor]:
    x = (torch.rand(40, 1, generator=torch.Generator().manual_seed(1)) < 0.7).float()
    data = ppgen.data.from_tensors(x, valid=0.0, test=0.5)
    heads = float(data.split("train")["x"].sum())
    posterior = dist.Beta(2.0 + heads, 3.0 + 20 - heads)
    chance = posterior.mean
    done = fitted(Coin(), data, lambda *_: {"p": pyro.sample("p", posterior)})
    exact = torch.where(data.split("test")["x"][:, 0] == 1, chance.log(), (1 - chance).log())
    return done, exact.double()


def regression(prior: float = 2.0) -> tuple[Any, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(80, 3, generator=generator)
    y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.5 * torch.randn(80, generator=generator)
    data = ppgen.data.from_tensors({"x": x, "y": y}, valid=0.0, test=0.75)
    model, train, test = Regression(prior), data.split("train"), data.split("test")
    mean, covariance = model.posterior(train["x"], train["y"])
    posterior = dist.MultivariateNormal(mean, covariance)
    done = fitted(model, data, lambda *_: {"w": pyro.sample("w", posterior)})
    spread = ((test["x"] @ covariance * test["x"]).sum(1) + 0.25).sqrt()
    return done, dist.Normal(test["x"] @ mean, spread).log_prob(test["y"]).double()


def shared_mean() -> tuple[Any, Tensor]:
    torch.manual_seed(3)
    data = ppgen.data.from_tensors(torch.randn(40, 2) + 1.0, valid=0.0, test=0.5)
    model = SharedMean()
    mean, spread = model.posterior_of_mu(data.split("train")["x"])

    def draw(batch: Any, size: Any) -> Any:
        rows = len(batch["x"])
        mu = pyro.sample("mu", dist.Normal(mean, spread).to_event(1))
        with pyro.plate("data", size or rows, subsample=torch.arange(rows), dim=-1):
            z = pyro.sample("z", dist.Normal(0.2 * (batch["x"] - mean), 0.5).to_event(1))
        return {"mu": mu, "z": z}

    predictive = dist.Normal(mean, (1.25 + spread**2) ** 0.5)
    return fitted(model, data, draw), predictive.log_prob(data.split("test")["x"]).sum(1).double()


PAIRS = {"coin": coin, "regression": regression, "a local latent beside it": shared_mean}


@pytest.mark.parametrize("name", PAIRS)
def test_the_predictive_density_is_the_closed_form(name: str) -> None:
    done, exact = PAIRS[name]()
    found = done.log_prob_per_datum(num_particles=500)
    assert (found.shape, found.dtype) == (exact.shape, torch.float64)
    torch.testing.assert_close(found, exact, rtol=0, atol=0.15)
    number = done.log_prob(num_particles=500)
    assert (number.kind, number.estimator) == ("lower bound", "lppd-500")
    assert number.value == pytest.approx(float(exact.mean()), abs=0.02)
    assert number.standard_error == pytest.approx(float(exact.std() / len(exact) ** 0.5), abs=0.02)


@pytest.mark.parametrize("name", PAIRS)
def test_few_draws_are_low_on_average(name: str) -> None:
    done, exact = PAIRS[name]()
    few = torch.stack([done.log_prob_per_datum(num_particles=2, seed=seed) for seed in range(40)])
    errors = (few - exact).mean(1)
    assert errors.mean() < 3 * errors.std() / 40**0.5
    assert done.log_prob(num_particles=9, seed=1) == done.log_prob(num_particles=9, seed=1)


@pytest.mark.parametrize("name", PAIRS)
def test_arviz_takes_the_pointwise_values(name: str) -> None:
    arviz = pytest.importorskip("arviz")
    done, exact = PAIRS[name]()
    of_test = next(iter(done.posterior(num_draws=300).log_likelihood.values())).values
    assert of_test.shape == (1, 300, len(exact))
    assert np.log(np.exp(of_test[0]).mean(0)) == pytest.approx(exact.numpy(), abs=0.1)
    train = done.posterior(done.data.split("train"), num_draws=300)
    loo = arviz.loo(train, pointwise=True)
    assert float(loo.elpd_loo if hasattr(loo, "elpd_loo") else loo.elpd) < 0.0
    assert float(np.asarray(loo.pareto_k).max()) < 0.7
    assert (
        len(arviz.compare({"one": train, "two": done.posterior(done.data.split("train"), num_draws=300, seed=1)})) == 2
    )


def test_a_hand_written_pair_with_auxiliary_sites() -> None:
    """Pyro's AutoNormal draws an unconstrained site, and hands it on as a Delta."""
    x, y = torch.randn(60, 3), torch.randn(60)

    def model(batch: Any, size: Any = None) -> None:
        w = pyro.sample("w", dist.Normal(torch.zeros(3), 2.0).to_event(1))
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        rows = len(batch["x"])
        with pyro.plate("data", size or rows, subsample=torch.arange(rows)):
            pyro.sample("y", dist.Normal(batch["x"] @ w, scale), obs=batch["y"])

    program = ppgen.Program(model, AutoNormal(model))
    done = ppgen.fit(program, {"x": x, "y": y}, max_epochs=2, progress=False)
    draws = done.posterior(num_draws=50)
    test = done.data.split("test")
    w, scale = (torch.as_tensor(draws.posterior[name].values[0]) for name in ("w", "scale"))
    expected = dist.Normal(w @ test["x"].T, scale[:, None]).log_prob(test["y"])
    assert draws.log_likelihood["y"].values[0] == pytest.approx(expected.numpy(), abs=1e-4)
    assert done.log_prob(num_particles=50).value == pytest.approx(
        float((expected.logsumexp(0) - np.log(50)).mean()), abs=0.3
    )


def test_models_of_global_latents_are_ranked_by_it() -> None:
    fits = {"good": regression()[0], "poor": regression(prior=0.05)[0]}
    cards = {name: ppgen.evaluate(fit, num_particles=200, progress=False) for name, fit in fits.items()}
    comparison = ppgen.compare(cards)
    (pair,) = comparison.pairs
    assert pair.low is not None
    assert pair.low > 0.0
    assert [standing.name for standing in comparison.ranking()] == ["good", "poor"]
    card = comparison.cards["good"]
    assert set(card["density"]) == {"log_prob", "elbo_of_training_data"}
    whole = card["density"]["elbo_of_training_data"]
    assert (whole.per, whole.of, whole.kind, whole.num_data) == ("data set", "p(training data)", "lower bound", 20)


def test_the_bound_of_the_training_data_is_the_evidence_where_the_guide_is_exact() -> None:
    done, _ = regression()
    train = done.data.split("train")
    x, y = train["x"].double(), train["y"].double()
    joint = torch.distributions.MultivariateNormal(torch.zeros(20).double(), 4.0 * x @ x.T + 0.25 * torch.eye(20))
    whole = ppgen.evaluate(done, ["elbo_of_training_data"], progress=False)["density"]["elbo_of_training_data"]
    assert whole.value == pytest.approx(float(joint.log_prob(y)), abs=0.01)
