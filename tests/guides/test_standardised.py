"""Columns as people have them: a posterior does not depend on the units of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.guides import FullRank, MeanField
from tests.oracles.state import same, state_of


class Located(ppgen.Model):
    """z ~ Normal(0, 1);  x | z, t ~ Normal(1000 + 300 z + t, 100): posterior means are 0.9 (x - 1000 - t) / 300."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, z: Tensor, t: Tensor) -> Any:
        return dist.Normal(1000.0 + 300.0 * z + t, 100.0)

    @staticmethod
    def posterior_mean(x: Tensor, t: Tensor) -> Tensor:
        return 0.9 * (x - 1000.0 - t) / 300.0


def rows(n: int, seed: int = 0) -> dict[str, Tensor]:
    noise = torch.randn(3, n, generator=torch.Generator().manual_seed(seed))
    t = 5000.0 + 200.0 * noise[2]
    return {"x": 1000.0 + 300.0 * noise[0] + t + 100.0 * noise[1], "t": t}


def fit(guide: Any = None, data: Any = None, **settings: Any) -> Any:
    torch.manual_seed(0)
    chosen = {"max_epochs": 40, "learning_rate": 1e-2, "schedule": "cosine"} | settings
    return ppgen.fit(Located(), rows(500) if data is None else data, guide=guide, progress=False, **chosen)


@pytest.mark.parametrize("family", [MeanField, FullRank])
def test_the_posterior_is_found_whatever_the_units(family: Any) -> None:
    new = rows(100, seed=1)
    means = fit(family).encode(new, site="z")
    exact = Located.posterior_mean(**new)
    assert float((means - exact).abs().mean()) < 0.1  # of a posterior sd of 0.32; read as they are: 0.7


def test_scales_are_kept_with_the_weights(tmp_path: Path) -> None:
    """Saved, loaded, resumed."""
    straight = fit(max_epochs=3, schedule="constant", out=tmp_path / "straight")
    fit(max_epochs=2, schedule="constant", out=tmp_path / "resumed")
    resumed = fit(max_epochs=3, schedule="constant", out=tmp_path / "resumed", resume=True)
    loaded = ppgen.load(tmp_path / "straight", data=rows(500))
    for other in (resumed, loaded):
        assert same(state_of(other), state_of(straight))
        assert torch.equal(other.encode(rows(9), site="z"), straight.encode(rows(9), site="z"))
    assert {name for name in straight.guide.state_dict() if name.endswith(".mean")} == {
        "evidence.scales.x.mean",
        "evidence.scales.t.mean",
    }


class Grown(ppgen.Model):
    """z ~ Normal(0, 1);  log x | z ~ Normal(3 z, 1): of x the posterior is Normal(0.3 log x, 0.1)."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.implicit
    def x(self, z: Tensor) -> Tensor:
        return (3.0 * z + torch.randn(z.shape)).exp().unsqueeze(-1)


def test_draws_over_orders_of_magnitude_are_read_by_their_logarithms(tmp_path: Path) -> None:
    """Of numbers as they are, all but the largest look alike."""
    x = torch.tensor([-6.0, -2.0, 0.0, 2.0, 6.0]).exp().unsqueeze(1)
    quick: dict[str, Any] = {"max_epochs": 6, "progress": False, "out": tmp_path / "run"}
    found = ppgen.fit(
        Grown(), x, guide=MeanField, objective=ppgen.Simulation(4000), learning_rate=5e-3, schedule="cosine", **quick
    )
    draws = torch.as_tensor(found.posterior(x, 2000).posterior["z"].values[0])
    assert (draws.mean(0) - 0.3 * x[:, 0].log()).abs().max() < 0.15
    assert (draws.std(0) / 0.1**0.5 - 1).abs().max() < 0.2
    loaded = ppgen.load(tmp_path / "run", data=x)
    assert torch.equal(torch.as_tensor(loaded.posterior(x, 2000).posterior["z"].values[0]), draws)


def test_the_first_data_set_decides() -> None:
    first = fit(max_epochs=1)
    mean = first.guide.evidence.scales["x"].mean.clone()
    ppgen.fit(first.model, {k: v + 7.0 for k, v in rows(90).items()}, guide=first.guide, max_epochs=1, progress=False)
    assert torch.equal(first.guide.evidence.scales["x"].mean, mean)


def test_a_guide_that_never_saw_data_reads_numbers_as_they_are() -> None:
    guide = MeanField(Located()).setup(rows(4))
    assert not [name for name in guide.state_dict() if "scales" in name]


def test_an_encoder_of_the_users_reads_what_there_is() -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.seen = torch.nn.Linear(2, 4), []

        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            self.seen.append(float(x.mean()))
            return self.net(torch.stack([x, t], -1) / 1000.0)

    guide = MeanField(model := Located(), encoder=(own := Own()))
    ppgen.fit(model, rows(90), guide=guide, max_epochs=1, progress=False)
    assert min(own.seen[1:]) > 3000.0
    assert not [name for name in guide.state_dict() if "scales" in name]


def test_scales_have_the_type_of_the_weights() -> None:
    torch.manual_seed(0)
    data = {name: value.double() for name, value in rows(90).items()}
    done = fit(data=data, max_epochs=1)
    types = {p.dtype for p in done.guide.parameters()}
    assert {done.guide.evidence.scales["x"].mean.dtype, done.guide.evidence.scales["x"].spread.dtype} == types


class Visits(ppgen.Model):
    """z ~ Normal(0, 1);  x | z, n ~ Poisson(n exp(z / 2)), for a group of n people."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, z: Tensor, n: Tensor) -> Any:
        return dist.Poisson(n * (0.5 * z).exp())


def test_counts_are_numbers_beyond_the_largest_that_was_seen() -> None:
    """Not classes, of which each would be a parameter of its own, with none for a count that is new."""
    generator = torch.Generator().manual_seed(0)
    z, n = torch.randn(400, generator=generator), torch.randint(50, 500, (400,), generator=generator)
    x = torch.poisson(n * (0.5 * z).exp(), generator=generator)
    data = ppgen.data.from_tensors({"x": x, "n": n}, kinds={"n": "count"})
    torch.manual_seed(0)
    done = ppgen.fit(Visits(), data, max_epochs=40, learning_rate=1e-2, schedule="cosine", progress=False)
    z, n = torch.tensor([-1.0, 0.0, 1.0]), torch.tensor([700, 700, 700])
    means = done.encode({"x": (n * (0.5 * z).exp()).round(), "n": n}, site="z")
    assert float((means - z).abs().max()) < 0.4
    assert sum(p.numel() for p in done.guide.evidence.readers["n"].parameters()) < 50_000


class Voters(ppgen.Model):
    """z ~ Normal(0, 1);  x | z, t, y ~ one of three classes, t a number and y a class."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, z: Tensor, t: Tensor, y: Tensor) -> Any:
        return dist.Categorical(logits=torch.stack([z, -z, t + y], -1))


def test_classes_are_no_numbers() -> None:
    data = {"x": torch.arange(90) % 3, "t": torch.randn(90), "y": torch.arange(90) % 4}
    done = ppgen.fit(Voters(), data, max_epochs=1, progress=False)
    assert isinstance(done.guide.evidence.readers["y"], torch.nn.Embedding)
    assert set(done.guide.evidence.scales) == {"t"}


class Schools(ppgen.Model):
    """Rubin's eight schools: effects y with standard errors sigma, around mu with spread tau."""

    @ppgen.latent(local=False)
    def mu(self) -> Any:
        return dist.Normal(0.0, 10.0)

    @ppgen.latent(local=False)
    def tau(self) -> Any:
        return dist.HalfCauchy(25.0)

    @ppgen.latent
    def eta(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def y(self, eta: Tensor, mu: Tensor, tau: Tensor, sigma: Tensor) -> Any:
        return dist.Normal(mu + tau * eta, sigma)


def test_eight_schools_as_they_are_printed(tmp_path: Path) -> None:
    """tau is 4.1 +- 2.5 by the best guide that factorises, Pyro's AutoNormal; with raw columns it was 0.85 +- 0.15."""
    y = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    data = ppgen.data.from_tensors({"y": y, "sigma": sigma}, valid=0.0, test=0.0)
    done = ppgen.fit(Schools(), data, max_epochs=1500, learning_rate=0.01, progress=False)
    rows = {"y": y, "sigma": sigma}
    assert done.elbo(rows, num_particles=300).value > -4.2  # AutoNormal: -4.11
    tau = done.posterior(rows, num_draws=1000).posterior["tau"].values
    assert tau.mean() > 2.5
    assert tau.std() > 1.5
    done.save(tmp_path / "run")  # a model whose covariate is a scale cannot run on zeros of its shape
    loaded = ppgen.load(tmp_path / "run", model=Schools(), data=data)
    assert loaded.elbo(rows) == done.elbo(rows)
