"""Completions by a model with latents follow p(hidden | given), whatever the guide; oracles in closed form."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import models
from ppgen.distributions import Autoregressive
from ppgen.errors import DataError, Unanswerable
from ppgen.inference import draw_hidden
from tests.oracles.linear_gaussian import PPCA, marginal, posterior

CHAINS = 4000


class Poor(ppgen.Guide):
    """Half of the way from the prior to the posterior, and too wide."""

    def __init__(self, model: PPCA) -> None:
        super().__init__()
        self.exact = [model]

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        exact = posterior(self.exact[0], x)
        spread = exact.covariance_matrix.diagonal(dim1=-2, dim2=-1).sqrt()
        return dist.Normal(0.5 * exact.loc.float(), 1.5 * spread.float()).to_event(1)


def test_completions_have_the_mean_and_covariance_of_the_conditional_gaussian() -> None:
    model = PPCA(latent_dim=1, x_dim=3, seed=2)
    given = torch.tensor([True, False, False])
    x = torch.tensor([1.5, 0.0, 0.0]).expand(CHAINS, 3)
    torch.manual_seed(0)
    with torch.no_grad():
        drawn = draw_hidden(model, Poor(model), {"x": x}, "x", given, num_steps=60)
    whole = marginal(model)
    covariance = whole.covariance_matrix
    gain = covariance[1:, :1] / covariance[:1, :1]
    mean = whole.loc[1:] + gain[:, 0] * (1.5 - whole.loc[0])
    left = covariance[1:, 1:] - gain @ covariance[:1, 1:]
    hidden = drawn[:, 1:].double()
    assert torch.equal(drawn[:, 0], x[:, 0])
    assert torch.all((hidden.mean(0) - mean).abs() < 4 * (left.diagonal() / CHAINS).sqrt())
    assert torch.allclose(hidden.T.cov(), left, atol=5 * float(left.max()) * (2 / CHAINS) ** 0.5)


class Following(nn.Module):
    """Logits of a bit: its own number of the context, and more after a one."""

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        before = torch.cat([torch.zeros_like(x[..., :1]), x[..., :-1]], -1)
        return (context + 0.7 * before - 0.3).unsqueeze(-2)


class Bits(ppgen.Model):
    """Four bits in order, whose first two tell of z, and z of the last two."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([2.0, -1.5, 3.0, 2.5]), requires_grad=False)
        self.network = Following()

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, z: Tensor) -> Autoregressive:
        return Autoregressive(self.network, (4,), context=z[:, None] * self.logits)


def test_completions_of_autoregressive_bits_have_the_probabilities_of_a_grid_over_the_latent() -> None:
    model, given = Bits(), torch.tensor([True, True, False, False])
    fit = ppgen.fit(model, torch.rand(50, 4).round(), max_epochs=2, device="cpu", progress=False)
    grid = torch.linspace(-8.0, 8.0, 4001)
    ends = torch.tensor([[1.0, 0.0, a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)])
    joint = model.x(grid).log_prob(ends[:, None, :]) + dist.Normal(0.0, 1.0).log_prob(grid)
    wanted = joint.exp().sum(1) / joint.exp().sum()
    drawn = fit.complete(torch.tensor([1.0, 0.0, 0.0, 0.0]).expand(CHAINS, 4), given, num_steps=150).only
    found = (drawn[:, 2] * 2 + drawn[:, 3]).long().bincount(minlength=4) / CHAINS
    assert torch.all((found - wanted).abs() < 4 * (wanted * (1 - wanted) / CHAINS).sqrt())


@pytest.fixture(scope="module")
def vae() -> ppgen.Fit:
    images = torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(0)).round()
    return ppgen.fit(models.VAE((1, 4, 4), 2, (8,)), images, max_epochs=1, device="cpu", progress=False)


def test_a_fit_completes_under_any_mask_with_a_seed(vae: ppgen.Fit) -> None:
    x, given = vae.data.split("test")["x"], torch.eye(4) > 0
    one = vae.complete(x, given, num_steps=5, seed=1)["x"]
    assert torch.equal(one, vae.complete(x.masked_fill(~given, torch.nan), given, num_steps=5, seed=1).only)
    assert not torch.equal(one, vae.complete(x, given, num_steps=5, seed=2).only)
    assert torch.equal(one[..., given], x[..., given])
    assert set(one.unique().tolist()) <= {0.0, 1.0}


def test_masks_are_verified(vae: ppgen.Fit) -> None:
    x = vae.data.split("test")["x"]
    with pytest.raises(DataError, match="true and false"):
        vae.complete(x, torch.ones(4, 4))
    with pytest.raises(DataError, match="mask is not that"):
        vae.complete(x, torch.ones(3, 4, dtype=torch.bool))


def test_a_guide_that_offers_in_vain_is_told() -> None:
    model = PPCA(latent_dim=8, x_dim=40, noise=0.02)
    fit = ppgen.fit(model, torch.randn(40, 40), max_epochs=1, learning_rate=1e-6, device="cpu", progress=False)
    with pytest.warns(UserWarning, match="Take more steps"):
        fit.complete(torch.randn(5, 40), torch.arange(40) < 20, num_steps=200)


def test_points_and_dependent_values_are_refused() -> None:
    settings: dict[str, Any] = {"max_epochs": 1, "device": "cpu", "progress": False}
    images = torch.rand(60, 1, 8, 8).round()
    point = ppgen.fit(models.Autoencoder((1, 8, 8), 2), images, guide=ppgen.guides.Delta, **settings)
    model, guide, objective = ppgen.zoo.build("vq-vae", ppgen.data.from_tensors(images))
    codes = ppgen.fit(model, images, guide=guide, objective=objective, **settings)
    for fit in (point, codes):
        with pytest.raises(Unanswerable, match="as points"):
            fit.complete(images[:2], torch.eye(8) > 0)

    class Joint(PPCA):
        @ppgen.observed
        def x(self, z: Tensor) -> Any:
            return dist.MultivariateNormal(z @ self.weight.T, torch.eye(len(self.bias)))

    fit = ppgen.fit(Joint(2, 3), torch.randn(40, 3), max_epochs=1, device="cpu", progress=False)
    with pytest.raises(Unanswerable, match="depend on each other"):
        fit.complete(torch.randn(2, 3), torch.tensor([True, False, False]))
