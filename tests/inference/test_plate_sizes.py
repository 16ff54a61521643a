"""Programs whose data plate is not over as many points as there are data: against closed forms, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import config_enumerate
from torch import Tensor

import ppgen
from ppgen.errors import DeclarationError

N = 60
LOCS = torch.tensor([-1.0, 1.0])
WEIGHTS = torch.tensor([0.3, 0.7])

torch.manual_seed(0)
X = torch.randn(N) + 1


def plate(size: int | None, x: Tensor) -> Any:
    return pyro.plate("data", len(x) if size is None else size, subsample_size=len(x))


def shared_mean(size: int | None) -> ppgen.Program:
    def model(x: Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with plate(size, x):
            pyro.sample("x", dist.Normal(mean, 1.0), obs=x)

    def guide(x: Tensor) -> None:
        pyro.sample("mean", dist.Normal(pyro.param("loc", torch.tensor(0.9)), 0.1))

    return ppgen.Program(model, guide)


def mixture(size: int | None) -> ppgen.Program:
    """With locations as parameters: log p(x) is known."""

    @config_enumerate
    def model(x: Tensor) -> None:
        locs = pyro.param("locs", LOCS.clone())
        with plate(size, x):
            kind = pyro.sample("kind", dist.Categorical(WEIGHTS))
            pyro.sample("x", dist.Normal(locs[kind], 1.0), obs=x)

    return ppgen.Program(model)


def bayesian_mixture(size: int | None) -> ppgen.Program:
    @config_enumerate
    def model(x: Tensor) -> None:
        locs = pyro.sample("locs", dist.Normal(torch.zeros(2), 3.0).to_event(1))
        with plate(size, x):
            kind = pyro.sample("kind", dist.Categorical(WEIGHTS))
            pyro.sample("x", dist.Normal(locs[kind], 1.0), obs=x)

    def guide(x: Tensor) -> None:
        pyro.sample("locs", dist.Normal(pyro.param("loc", LOCS.clone()), 0.2).to_event(1))

    return ppgen.Program(model, guide)


def local(size: int | None) -> ppgen.Program:
    """z ~ Normal(0, 1), x | z ~ Normal(z, 1), at the exact posterior."""

    def model(x: Tensor) -> None:
        with plate(size, x):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    def guide(x: Tensor) -> None:
        slope = pyro.param("slope", torch.tensor(0.5))
        with plate(size, x):
            pyro.sample("z", dist.Normal(slope * x, 0.5**0.5))

    return ppgen.Program(model, guide)


def fit(program: ppgen.Program) -> ppgen.Fit:
    whole = ppgen.data.from_tensors({"x": X}, valid=0.0, test=0.0)
    return ppgen.fit(program, whole, batch_size=20, max_epochs=1, learning_rate=1e-9, progress=False, device="cpu")


@pytest.mark.parametrize("make", [shared_mean, bayesian_mixture])
def test_a_plate_of_other_data_than_there_are_is_refused_where_they_share_a_latent(
    make: Callable[[int | None], ppgen.Program],
) -> None:
    """Per datum of 1000, the prior counts a 1000th: of 60 data, that is above log p(x) / 60."""
    with pytest.raises(DeclarationError, match="over 1000 data points, but there are 60"):
        fit(make(1000))


@pytest.mark.parametrize("make", [shared_mean, bayesian_mixture])
def test_a_plate_of_the_training_split_says_nothing_of_a_part_of_it(
    make: Callable[[int | None], ppgen.Program],
) -> None:
    found = fit(make(N))
    assert found.elbo({"x": X}).kind == "lower bound"
    with pytest.raises(DeclarationError, match="over 60 data points, but there are 10"):
        found.elbo({"x": X[:10]})


@pytest.mark.parametrize("size", [None, N, 1000])
def test_without_a_shared_latent_a_datum_has_its_density_whatever_the_plate(size: int | None) -> None:
    for make, exact in (
        (local, dist.Normal(0.0, 2**0.5).log_prob(X)),
        (mixture, (dist.Normal(LOCS, 1.0).log_prob(X[:, None]) + WEIGHTS.log()).logsumexp(1)),
    ):
        found = fit(make(size))
        recorded = found.history[0]["train"]
        assert found.elbo({"x": X}).value == pytest.approx(float(exact.mean()), abs=1e-4)
        # Where the guide is exact, the sampled bound of history is too: but for its closed-form rate, which is not.
        tolerance = 0.3 if make is local else 1e-4
        assert recorded["elbo"] == pytest.approx(float(exact.mean()), abs=tolerance)
        assert recorded["loss"] == pytest.approx(-recorded["elbo"], abs=1e-6)
