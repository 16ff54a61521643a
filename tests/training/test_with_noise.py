"""A density and codes for a trained sampler: against the exact marginal of a linear generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import nets
from ppgen.declare import Model, implicit, latent
from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.guides import FullRank
from ppgen.models import GAN

QUIET: dict[str, Any] = {"progress": False, "device": "cpu"}
WEIGHT, BIAS, SIGMA = torch.tensor([[1.0], [-2.0], [0.5]]), torch.tensor([0.5, 0.0, -1.0]), 0.3


def exact(x: Tensor, sigma: float) -> Tensor:
    """log p(x) of x = W z + b + sigma e."""
    covariance = WEIGHT @ WEIGHT.T + sigma**2 * torch.eye(3)
    return torch.distributions.MultivariateNormal(BIAS, covariance).log_prob(x)


def best_sigma(x: Tensor) -> float:
    grid = torch.linspace(0.1, 0.6, 501).tolist()
    return max(grid, key=lambda sigma: exact(x, sigma).mean().item())


@pytest.fixture(scope="module")
def trained() -> Fit:
    """A GAN whose generator is the truth; few validation rows, so that their best sigma is their own."""
    torch.manual_seed(11)
    x = BIAS + torch.randn(1000, 1) @ WEIGHT.T + SIGMA * torch.randn(1000, 3)
    data = ppgen.data.from_tensors(x, valid=0.06, test=0.1)
    fit = ppgen.fit(GAN((3,), 1, hidden=(), output="none"), data, max_epochs=1, **QUIET)
    with torch.no_grad():
        affine = fit.model.generator.perceptron[0]
        affine.weight.copy_(WEIGHT)
        affine.bias.copy_(BIAS)
    return fit


def test_sigma_is_that_of_the_validation_split_and_the_density_is_exact(trained: Fit, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    torch.manual_seed(0)
    settings = {"max_epochs": 30, "batch_size": 64, "learning_rate": 1e-2, "schedule": "cosine", **QUIET}
    dense = trained.with_noise(nets.NormalNoise((3,), 1.0), out=tmp_path / "run", **settings)
    found = dense.model.observation.log_sigma.exp().item()
    valid, other = (best_sigma(trained.data.split(split)["x"]) for split in ("valid", "train"))
    assert abs(valid / other - 1) > 0.05
    assert found == pytest.approx(valid, rel=0.02)
    test = trained.data.split("test")["x"]
    assert (dense.log_prob_per_datum(test, 500) - exact(test, found)).abs().max() < 0.1
    assert dense.reconstruct(test).only.sub(test).square().mean() < SIGMA**2
    # The sampler that it was made of is as it was, and trainable.
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())
    assert all(parameter.requires_grad for parameter in trained.model.parameters())
    again = ppgen.load(tmp_path / "run", data=trained.data, device="cpu")
    assert again.log_prob(num_particles=5).value == dense.log_prob(num_particles=5).value


def test_bits_get_a_noise_that_has_nothing_to_fit() -> None:
    fit = ppgen.fit(GAN((1, 8, 8), 2, (4,)), "digits", max_epochs=1, **QUIET)
    dense = fit.with_noise(max_epochs=1, **QUIET)
    assert isinstance(dense.model.observation, nets.BernoulliNoise)
    assert dense.encode().only.shape == (360, 2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    narrow = fit.with_noise(guide=lambda model: FullRank(model, encoder=network), max_epochs=1, **QUIET)
    assert (type(narrow.guide), narrow.guide.heads["z"].in_features) == (FullRank, 5)
    with pytest.raises(SettingError, match="no sampler"):
        dense.with_noise()
    with pytest.raises(SettingError, match="guide"):
        fit.with_noise(guide="flow", max_epochs=1, **QUIET)


class Closed(Model):
    """Its constructor knows no noise."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand_by([3]).to_event(1)

    @implicit
    def x(self, z: Tensor) -> Tensor:
        return self.scale * z


def test_what_cannot_be_made_with_a_noise_says_so(trained: Fit) -> None:
    dense = GAN((3,), 1, hidden=(), output="none", observation=nets.NormalNoise((3,)))
    with pytest.raises(SettingError, match=r"with_noise"):
        ppgen.fit(dense, trained.data, objective=ppgen.Adversarial(), **QUIET)
    with pytest.raises(Unanswerable, match=r"with_noise"):
        trained.log_prob()
    with pytest.raises(Unanswerable, match=r"invert"):
        trained.encode()
    with pytest.raises(SettingError, match="constructor with an argument observation"):
        ppgen.fit(Closed(), trained.data, max_epochs=1, **QUIET).with_noise()
