"""Simulation: guides trained on draws of the model reach posteriors that are known in closed form."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.errors import DataError, SettingError
from ppgen.guides import Delta, Flow, FullRank, MeanField

MEAN, SPREAD = torch.tensor([5.0, -300.0]), torch.tensor([2.0, 40.0])
MAP = torch.tensor([[1.0, 1 / 40], [0.0, 1 / 40], [1.0, -1 / 20]])
NOISE = torch.tensor([1.0, 2.0, 1.0])
X = torch.tensor([[1.0, -8.0, 20.0], [-2.0, -7.0, 15.0]])
QUICK: dict[str, Any] = {"max_epochs": 8, "batch_size": 256, "learning_rate": 5e-3, "schedule": "cosine"}


class Linear(ppgen.Model):
    """z far from the origin, in two units; x linear in it."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(MEAN, SPREAD).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ MAP.T, NOISE).to_event(1)


class Simulator(ppgen.Model):
    """The same, as a program without a density."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(MEAN, SPREAD).to_event(1)

    @ppgen.implicit
    def x(self, z: Tensor) -> Any:
        return z @ MAP.T + NOISE * torch.randn(*z.shape[:-1], 3)


def posterior() -> tuple[Tensor, Tensor]:
    """Means [2, 2] and standard deviations [2] of z given X."""
    prior, weighted = torch.diag(SPREAD**-2), MAP.T @ torch.diag(NOISE**-2)
    covariance = torch.linalg.inv(prior + weighted @ MAP)
    return (covariance @ ((prior @ MEAN).unsqueeze(1) + weighted @ X.T)).T, covariance.diagonal().sqrt()


def fitted(model: Any, data: Any = X, num_draws: int = 6_000, **settings: Any) -> ppgen.Fit:
    return ppgen.fit(model, data, objective=ppgen.Simulation(num_draws), progress=False, **{**QUICK, **settings})


@pytest.mark.parametrize("kind", [Linear, Simulator])
def test_reaches_the_posterior_in_whatever_units_latents_are(kind: type[ppgen.Model]) -> None:
    model = kind()
    fit = fitted(model, guide=FullRank(model))
    draws = torch.as_tensor(fit.posterior(X, 4000).posterior["z"].values[0])
    mean, spread = posterior()
    assert ((draws.mean(0) - mean) / spread).abs().max() < 0.1
    assert (draws.std(0) / spread - 1).abs().max() < 0.1


class Fails(Simulator):
    """Beyond a bound it has no numbers: a solver that did not converge."""

    bound: float = 2.0

    @ppgen.implicit
    def x(self, z: Tensor) -> Any:
        x = z @ MAP.T + NOISE * torch.randn(*z.shape[:-1], 3)
        return torch.where(x[..., :1] > self.bound, x / 0, x)


def test_draws_in_which_a_simulator_failed_change_no_posterior_given_data_that_are_finite() -> None:
    model = Fails()
    with pytest.warns(UserWarning, match="of 6000 draws of Fails are not finite"):
        fit = fitted(model, guide=FullRank(model))
    draws = torch.as_tensor(fit.posterior(X, 4000).posterior["z"].values[0])
    mean, spread = posterior()
    assert ((draws.mean(0) - mean) / spread).abs().max() < 0.1
    assert (draws.std(0) / spread - 1).abs().max() < 0.1


def test_refuses_a_simulator_that_always_fails() -> None:
    model = Fails()
    model.bound = -1e9
    with pytest.raises(DataError, match="6000 of 6000 draws of Fails are not finite"):
        fitted(model)


def test_one_row_is_enough_and_trained_on_are_draws() -> None:
    fit = fitted(Linear(), X[:1], 1000, guide=MeanField, max_epochs=1)
    assert fit.data.size("train") == 1
    assert fit.posterior(X[:1], 10).posterior["z"].shape == (1, 10, 1, 2)
    assert set(fit.history[-1]["valid"]) == {"loss", "guide_nll"}


def test_classes_by_the_rule_of_bayes() -> None:
    prior, rates = torch.tensor([0.6, 0.3, 0.1]), torch.tensor([[0.2, 0.7], [0.5, 0.5], [0.9, 0.2]])

    class Classes(ppgen.Model):
        @ppgen.latent
        def y(self) -> Any:
            return dist.Categorical(prior)

        @ppgen.observed
        def x(self, y: Tensor) -> Any:
            return dist.Bernoulli(rates[y]).to_event(1)

    every = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    model = Classes()
    fit = fitted(model, every, 20_000, guide=MeanField(model, encoder=torch.nn.Linear(2, 8)))
    joint = prior * (rates ** every.unsqueeze(1) * (1 - rates) ** (1 - every.unsqueeze(1))).prod(-1)
    assert (fit.encode(every, site="y") - joint / joint.sum(1, keepdim=True)).abs().max() < 0.03


def test_the_model_stays_as_it_is() -> None:
    torch.manual_seed(0)
    model = ppgen.models.GAN(x_shape=(3,), latent_dim=2, output="none")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fit = fitted(model, torch.randn(5, 3), 500, max_epochs=2)
    assert isinstance(fit.guide, Flow)
    assert fit.posterior(torch.randn(1, 3), 7).posterior["z"].shape == (1, 7, 1, 2)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_goes_on_with_the_guide_of_a_bound() -> None:
    model = Linear()
    with torch.no_grad():
        data = model(size=500)["x"]
    first = ppgen.fit(model, data, guide=FullRank, max_epochs=2, progress=False)
    frames = {name for name, _ in first.guide.named_buffers()}
    second = fitted(model, data, 1000, guide=first.guide, max_epochs=2)
    assert second.history[-1]["valid"]["loss"] < second.history[0]["valid"]["loss"]
    assert {name for name, _ in second.guide.named_buffers()} == frames  # what it has learned is in its own units


def test_a_hand_written_pair_too() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("rows", len(x)):
            z = pyro.sample("z", dist.Normal(1.0, 2.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    def guide(x: Tensor) -> None:
        slope, shift, scale = (pyro.param(name, torch.tensor(v)) for name, v in (("a", 0.1), ("b", 0.1), ("c", 0.0)))
        with pyro.plate("rows", len(x)):
            pyro.sample("z", dist.Normal(slope * x + shift, scale.exp()))

    fit = fitted(ppgen.Program(model, guide), torch.zeros(40), 4000, learning_rate=0.05)
    learned = {name.rsplit(".")[-1]: value.item() for name, value in fit.guide.named_parameters()}
    assert abs(learned["a"] - 0.8) < 0.05
    assert abs(learned["b"] - 0.2) < 0.1
    assert abs(learned["c"] - 0.5 * torch.tensor(0.8).log()) < 0.05


def test_a_run_is_taken_up_and_read_where_it_was_made(tmp_path: Any) -> None:
    settings: dict[str, Any] = {"num_draws": 500, "batch_size": 64, "schedule": "constant", "guide": Flow}
    torch.manual_seed(0)
    whole = fitted(Linear(), X[:1], max_epochs=2, **settings)
    torch.manual_seed(0)
    fitted(Linear(), X[:1], max_epochs=1, out=tmp_path / "run", **settings)
    resumed = fitted(Linear(), X[:1], max_epochs=2, out=tmp_path / "run", resume=True, **settings)
    assert resumed.weights_digest == whole.weights_digest
    read = ppgen.load(tmp_path / "run", data=X[:1], model=Linear())
    assert read.weights_digest == whole.weights_digest
    assert torch.equal(read.encode(X, site="z"), whole.encode(X, site="z"))


class Shared(ppgen.Model):
    """With a latent that data share."""

    @ppgen.latent(local=False)
    def w(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, w: Tensor) -> Any:
        return dist.Normal(w, 1.0)


class Plain(ppgen.Model):
    """Without latents."""

    @ppgen.observed
    def x(self) -> Any:
        return dist.Normal(0.0, 1.0)


@pytest.mark.parametrize(
    ("model", "guide", "what"),
    [
        (Shared, None, "'w' is a global latent"),
        (Plain, None, "there is nothing to learn"),
        (Linear, Delta, "the guide is a point"),
    ],
)
def test_refuses_what_it_cannot_learn(model: type[ppgen.Model], guide: Any, what: str) -> None:
    with pytest.raises(SettingError, match=what):
        fitted(model(), X if model is Linear else X[:, 0], 100, guide=guide)


@pytest.mark.parametrize("num_draws", [0, 19, 2.5])
def test_refuses_too_few_draws(num_draws: Any) -> None:
    with pytest.raises(SettingError, match="num_draws"):
        ppgen.Simulation(num_draws)
