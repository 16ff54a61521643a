"""Where a fit with global latents begins, and that it ends where closed forms and enumeration say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.runs import weights
from ppgen.training.prior_points import PriorPoints

N = 120


class RawRegression(Model):
    """beta ~ Normal(0, scales);  y | beta, X ~ Normal(X beta, 2): columns 1, age and income, as they come."""

    scales = (1000.0, 100.0, 1.0)

    @latent(local=False)
    def beta(self) -> dist.TorchDistribution:
        return dist.Normal(torch.zeros(3), torch.tensor(self.scales)).to_event(1)

    @observed
    def y(self, beta: Tensor, X: Tensor) -> dist.TorchDistribution:
        return dist.Normal((X @ beta.unsqueeze(-1)).squeeze(-1), 2.0)

    def posterior(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean [3] and covariance [3, 3]."""
        x, y = x.double(), y.double()
        covariance = torch.linalg.inv(x.T @ x / 4 + torch.diag(1 / torch.tensor(self.scales).double() ** 2))
        return covariance @ (x.T @ y / 4), covariance


def raw_columns() -> dict[str, Tensor]:
    torch.manual_seed(0)
    age = torch.rand(N) * 50 + 20
    income = 1000 * age + torch.randn(N) * 3000 + 2e4
    x = torch.stack([torch.ones(N), age, income], -1)
    return {"X": x, "y": x @ torch.tensor([5.0, 0.3, 1e-4]) + 2 * torch.randn(N)}


class Mixture(Model):
    """weights ~ Dirichlet(1, 1, 1), locs ~ Normal(0, 10), once;  c ~ Categorical(weights), x ~ Normal(locs_c, 1)."""

    @latent(local=False)
    def weights(self) -> dist.TorchDistribution:
        return dist.Dirichlet(torch.ones(3))

    @latent(local=False)
    def locs(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 10.0).expand([3]).to_event(1)

    @latent
    def c(self, weights: Tensor) -> dist.TorchDistribution:
        return dist.Categorical(weights)

    @observed
    def x(self, c: Tensor, locs: Tensor) -> dist.TorchDistribution:
        return dist.Normal(locs[c], 1.0)


class RandomEffects(Model):
    """mu ~ Normal(250, 200), tau ~ HalfNormal(100), once;  theta ~ Normal(mu, tau);  x ~ Normal(theta, 10)."""

    @latent(local=False)
    def mu(self) -> dist.TorchDistribution:
        return dist.Normal(250.0, 200.0)

    @latent(local=False)
    def tau(self) -> dist.TorchDistribution:
        return dist.HalfNormal(100.0)

    @latent
    def theta(self, mu: Tensor, tau: Tensor) -> dist.TorchDistribution:
        return dist.Normal(mu, tau)

    @observed
    def x(self, theta: Tensor) -> dist.TorchDistribution:
        return dist.Normal(theta, 10.0)


class Standardised(nn.Module):
    """An encoder that gives x in units of its spread, and nothing else."""

    def forward(self, x: Tensor) -> Tensor:
        return ((x - 300) / 100).unsqueeze(-1)


def fitted(model: Model, data: dict[str, Tensor], guide: Any, **settings: Any) -> ppgen.Fit:
    rows = len(next(iter(data.values())))
    whole = ppgen.data.from_tensors(data, valid=0.0, test=0.0)
    return ppgen.fit(model, whole, guide=guide, **{"batch_size": rows, "progress": False, **settings})


def draws(fit: ppgen.Fit, data: dict[str, Tensor], site: str, count: int = 2000) -> Tensor:
    torch.manual_seed(1)
    with torch.no_grad():
        return torch.stack([fit.guide(data)[site] for _ in range(count)]).double()


@pytest.mark.parametrize("family", [ppgen.guides.FullRank, ppgen.guides.Structured])
def test_raw_correlated_columns(family: Any) -> None:
    """Conjugate regression: the posterior's mean and spread, though columns differ by 1e4 and two are nearly one."""
    data, model = raw_columns(), RawRegression()
    fit = fitted(model, data, family(model), max_epochs=60, learning_rate=0.01)
    assert fit.history[0]["start"].startswith("laplace")
    mean, covariance = model.posterior(data["X"], data["y"])
    spread, found = covariance.diagonal().sqrt(), draws(fit, data, "beta")
    assert ((found.mean(0) - mean) / spread).abs().max() < 0.2
    assert (found.std(0) / spread - 1).abs().max() < 0.1


def test_a_mean_field_guide_begins_at_the_best_it_can_do() -> None:
    """The spread of each coefficient given all others, which is 1 / sqrt of the precision's diagonal."""
    data, model = raw_columns(), RawRegression()
    fit = fitted(model, data, ppgen.guides.MeanField(model), max_epochs=1, learning_rate=1e-6)
    mean, covariance = model.posterior(data["X"], data["y"])
    conditional = torch.linalg.inv(covariance).diagonal().rsqrt()
    found = draws(fit, data, "beta")
    assert ((found.mean(0) - mean) / conditional).abs().max() < 0.2
    assert (found.std(0) / conditional - 1).abs().max() < 0.1


def two_clusters() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {"x": torch.cat([torch.randn(60) - 4, torch.randn(60) + 4])}


def log_likelihood(fit: ppgen.Fit, data: dict[str, Tensor]) -> float:
    """Of the data, with the classes summed out by hand, at a draw of the guide: nats per datum, mean over draws."""
    total = 0.0
    for _ in range(20):
        with torch.no_grad():
            drawn = fit.guide(data)
        each = dist.Normal(drawn["locs"], 1.0).log_prob(data["x"].unsqueeze(-1)) + drawn["weights"].log()
        total += float(each.logsumexp(-1).mean())
    return total / 20


def test_a_mixture_with_weights_of_its_own_parts_its_components() -> None:
    """As good as two components at the clusters' means, which is what the best of restarts finds."""
    data, model = two_clusters(), Mixture()
    fit = fitted(model, data, None, max_epochs=100, learning_rate=0.02)
    x, means = data["x"], torch.tensor([data["x"][:60].mean(), data["x"][60:].mean()])
    best = (dist.Normal(means, 1.0).log_prob(x.unsqueeze(-1)) - math.log(2)).logsumexp(-1).mean()
    assert log_likelihood(fit, data) > float(best) - 0.05
    bound = fit.elbo(data, num_particles=20)
    assert bound.kind == "lower bound"
    assert bound.value < float(best)
    assert fit.encode(data)["c"].shape == (120, 3)


class EvenMixture(Model):
    """locs ~ Normal(0, 10), once;  c ~ one of three, x ~ Normal(locs_c, 1)."""

    @latent(local=False)
    def locs(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 10.0).expand([3]).to_event(1)

    @latent
    def c(self) -> dist.TorchDistribution:
        return dist.Categorical(torch.ones(3) / 3)

    @observed
    def x(self, c: Tensor, locs: Tensor) -> dist.TorchDistribution:
        return dist.Normal(locs[c], 1.0)


def test_a_mixture_of_more_components_than_clusters_shares_one_of_them() -> None:
    """Two components at one cluster: log p(x | locs) at that mode, which the bound is below by what q(locs) costs."""
    data, model = two_clusters(), EvenMixture()
    fit = fitted(model, data, None, max_epochs=80, learning_rate=0.01)
    low, high = data["x"][:60].mean(), data["x"][60:].mean()
    each = dist.Normal(torch.stack([low, high, high]), 1.0).log_prob(data["x"].unsqueeze(-1)) - math.log(3)
    best = float(each.logsumexp(-1).mean())
    assert best - 0.15 < fit.elbo(data, num_particles=50).value < best
    assert best - 0.5 * math.log(2) + 0.05 > float((each[:, :2]).logsumexp(-1).mean())  # which two alone would reach


def test_random_effects_around_300() -> None:
    """The start is where the prior is, in its units, and so are the effects'; from 0 it would take 30,000 steps."""
    torch.manual_seed(1)
    effects = 300 + 40 * torch.randn(N)
    data, model = {"x": effects + 10 * torch.randn(N)}, RandomEffects()
    guide = ppgen.guides.MeanField(model, encoder=Standardised())
    fit = fitted(model, data, guide, max_epochs=600, learning_rate=0.03, schedule="cosine")
    assert fit.history[0]["start"] == "median of the prior"
    spread = math.sqrt(float(data["x"].var()) - 100)
    assert abs(float(draws(fit, data, "mu", 200).mean()) - float(data["x"].mean())) < 5
    assert spread / 1.3 < float(draws(fit, data, "tau", 200).mean()) < spread * 1.3


@pytest.mark.parametrize(
    ("init", "mean", "spread"), [("median", 250.0, 20.0), ("feasible", 0.0, 0.1), (lambda site: 300.0, 300.0, 20.0)]
)
def test_where_a_user_lets_it_begin(init: Any, mean: float, spread: float) -> None:
    model = RandomEffects()
    data = {"x": torch.full((4,), 300.0)}
    fit = fitted(model, data, ppgen.guides.MeanField(model, init=init), max_epochs=1, learning_rate=1e-7)
    found = draws(fit, data, "mu", 400)
    assert abs(float(found.mean()) - mean) < 3 * max(spread, 1e-2)
    assert spread / 1.5 < float(found.std()) < spread * 1.5


def test_the_best_of_several_samples_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins no lower than each of the samples that it chose from."""
    monkeypatch.setattr("ppgen.training.starting_points._TRIAL_STEPS", 10)
    data = two_clusters()
    settings: dict[str, Any] = {"max_epochs": 1, "learning_rate": 0.02, "batch_size": 60}
    ends = []
    for restarts in (2, 4):
        model = Mixture()
        fit = fitted(model, data, ppgen.guides.MeanField(model, init="sample", restarts=restarts), **settings)
        assert fit.history[0]["start"].startswith(f"sample: the best of {restarts}")
        ends.append(float(fit.history[0]["start"].split(" at ")[1].split()[0]))
    assert ends[1] >= ends[0]


def test_the_seed_covers_the_start() -> None:
    data, ends = two_clusters(), []
    for seed in (0, 0, 1):
        model = Mixture()
        torch.manual_seed(5)
        guide = ppgen.guides.MeanField(model, init="sample")
        fit = fitted(model, data, guide, max_epochs=1, seed=seed)
        ends.append(fit.guide.frames["locs"].center.clone())
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_what_has_been_trained_begins_where_it_is(tmp_path: Path) -> None:
    """A guide that was fitted before, or a run that is loaded, keeps what it knows."""
    data, model = raw_columns(), RawRegression()
    first = ppgen.fit(model, data, max_epochs=2, out=tmp_path / "run", progress=False)
    before = first.guide.frames["beta"].center.clone()
    saved = first.elbo(data, num_particles=3).value
    again = ppgen.fit(model, data, guide=first.guide, max_epochs=1, progress=False)
    assert "start" not in again.history[0]
    loaded = ppgen.load(tmp_path / "run", model=RawRegression(), data=data)
    assert torch.equal(loaded.guide.frames["beta"].center, before)
    assert loaded.elbo(data, num_particles=3).value == saved
    assert loaded.history[0]["start"].startswith("laplace")


def test_a_start_without_a_mode_falls_back_and_says_so() -> None:
    model = RandomEffects()
    data = {"x": torch.full((4,), 300.0)}
    with pytest.warns(UserWarning, match="no Laplace start for RandomEffects: the latent 'theta'"):
        fit = fitted(model, data, ppgen.guides.MeanField(model, init="laplace"), max_epochs=1)
    assert fit.history[0]["start"] == "median of the prior"


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(ppgen.errors.SettingError, match="init says where a fit begins"):
        ppgen.guides.MeanField(RandomEffects(), init="mean")
    model = RandomEffects()
    guide = ppgen.guides.MeanField(model, init=lambda site: -1.0 if site.name == "tau" else None)
    with pytest.raises(ppgen.errors.SettingError, match="init gives no value of 'tau'"):
        fitted(model, {"x": torch.zeros(4)}, guide, max_epochs=1)


def test_a_run_that_is_taken_up_does_not_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends where the run ends that was never stopped, and looks for no start."""
    data = raw_columns()
    settings: dict[str, Any] = {"batch_size": N, "schedule": "constant", "progress": False}
    whole = ppgen.fit(RawRegression(), data, max_epochs=2, **settings)
    ppgen.fit(RawRegression(), data, max_epochs=1, out=tmp_path / "run", **settings)
    monkeypatch.setattr(PriorPoints, "of", lambda *_: pytest.fail("a start was looked for"))
    resumed = ppgen.fit(RawRegression(), data, max_epochs=2, out=tmp_path / "run", resume=True, **settings)
    assert torch.equal(resumed.guide.free["beta"], whole.guide.free["beta"])
    assert [row.get("start") for row in resumed.history] == [row.get("start") for row in whole.history]


def test_weights_from_before_there_were_frames() -> None:
    """A guide that they are read into keeps the identity, which they were learned in."""
    guide = ppgen.guides.MeanField(RandomEffects())
    saved = {name: tensor + 1 for name, tensor in weights.collect({"guide": guide}).items() if ".frames." not in name}
    weights.apply({"guide": guide}, saved, "an old run")
    assert guide.free["mu"][0] == 1
    assert torch.equal(guide.frames["mu"].center, torch.zeros(1))
    assert torch.equal(guide.frames["mu"].unit, torch.ones(1))
