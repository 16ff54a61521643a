"""The importance-weighted objective against the linear-Gaussian model's closed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import MeanField
from ppgen.objectives import IWAE, Moment

SCALE = 0.6


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


class Linear(Model):
    """z ~ Normal(0, I);  x | z ~ Normal(W z, s)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 2))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ self.weight.T, SCALE).to_event(1)

    def log_prob(self, x: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + SCALE**2 * torch.eye(5)
        return dist.MultivariateNormal(torch.zeros(5), covariance).log_prob(x)


class Posterior(Guide):
    """The exact posterior, its mean off by a little where that is wanted."""

    def __init__(self, model: Linear, off: float = 0.0) -> None:
        super().__init__()
        weight = model.weight.detach()
        covariance = torch.linalg.inv(torch.eye(2) + weight.T @ weight / SCALE**2)
        self.gain = nn.Parameter(covariance @ weight.T / SCALE**2 + off)
        self.register_buffer("tril", torch.linalg.cholesky(covariance))

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.MultivariateNormal(x @ self.gain.T, scale_tril=self.tril)


def draws(objective: IWAE, model: Linear, guide: Posterior, x: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Values of the bound [n], and gradients with respect to the guide [n, 10]."""
    bounds, gradients = [], []
    for _ in range(n):
        loss = objective.loss("iwae", model, guide, {"x": x}, 10 * len(x), Moment())
        gradients.append(torch.autograd.grad(loss.value, guide.gain)[0].flatten())
        bounds.append(-loss.value.detach())
    return torch.stack(bounds), torch.stack(gradients)


@pytest.mark.parametrize(("k", "gradient"), [(1, "stl"), (1, "dreg"), (16, "dreg")])
def test_at_the_exact_posterior_there_is_no_noise_at_all(k: int, gradient: Any) -> None:
    model = Linear()
    x = model(size=7)["x"].detach()
    bounds, gradients = draws(IWAE(k, gradient=gradient), model, Posterior(model), x, 20)
    assert (bounds - model.log_prob(x).mean()).abs().max() < 1e-10
    assert gradients.std(0).max() < 1e-12


@pytest.mark.parametrize("k", [1, 8])
def test_the_bound_is_below_log_p_and_right_under_subsampling(k: int) -> None:
    """The size of the data set, ten times the batch, does not change a bound per datum."""
    model = Linear()
    x = model(size=7)["x"].detach()
    bounds, _ = draws(IWAE(k), model, Posterior(model, 0.05), x, 200)
    error = bounds.std() / 200**0.5
    exact = model.log_prob(x).mean()
    assert bounds.mean() < exact + 3 * error
    one, _ = draws(IWAE(1), model, Posterior(model, 0.05), x, 200)
    assert k == 1 or bounds.mean() > one.mean()


def test_doubly_reparameterised_gradients_agree_with_less_variance() -> None:
    model = Linear()
    x = model(size=7)["x"].detach()
    guide = Posterior(model, 0.05)
    _, plain = draws(IWAE(16), model, guide, x, 600)
    _, doubly = draws(IWAE(16, gradient="dreg"), model, guide, x, 600)
    assert doubly.var(0).sum() < plain.var(0).sum() / 3
    error = (plain.var(0) / 600 + doubly.var(0) / 600).sqrt()
    assert ((plain.mean(0) - doubly.mean(0)).abs() / error).max() < 4.5


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(SettingError, match="biased"):
        IWAE(2, gradient="stl")
    with pytest.raises(SettingError, match="num_particles"):
        IWAE(0)
    with pytest.raises(SettingError, match="unknown gradient"):
        IWAE(2, gradient="score")  # type: ignore[arg-type]
    assert IWAE(**IWAE(4, gradient="dreg").settings()).name == "IWAE(4, dreg)"


def test_a_discrete_latent_is_refused_and_not_trained_with_a_wrong_gradient() -> None:
    class Coin(Model):
        @latent
        def c(self) -> Any:
            return dist.Bernoulli(0.5)

        @observed
        def x(self, c: Tensor) -> Any:
            return dist.Normal(c, 1.0)

    model = Coin()
    with pytest.raises(DeclarationError, match="'c' from Bernoulli"):
        IWAE(2).loss("iwae", model, MeanField(model), {"x": torch.zeros(3)}, 3, Moment())
