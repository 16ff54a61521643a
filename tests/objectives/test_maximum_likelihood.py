from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, observed
from ppgen.errors import SettingError
from ppgen.models import GAN, VAE, GatedPixelCNN
from ppgen.objectives import MaximumLikelihood
from tests.oracles.losses import loss_of

pytestmark = pytest.mark.usefixtures("float64")


class Gaussian(Model):
    """x ~ Normal(mu, s)."""

    def __init__(self) -> None:
        super().__init__()
        self.mu, self.log_s = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(3))

    @observed
    def x(self) -> Any:
        return dist.Normal(self.mu, self.log_s.exp()).to_event(1)


@pytest.mark.parametrize("size", [5, 500])
def test_value_and_gradient_in_closed_form(size: int) -> None:
    """``d(-log p)/d mu = mu - mean x`` and ``d(-log p)/d log s = 1 - mean x^2`` at mu = 0, s = 1."""
    model, x = Gaussian(), torch.randn(5, 3)
    loss = loss_of(MaximumLikelihood(), model, None, {"x": x}, size)
    torch.testing.assert_close(loss.value, -dist.Normal(0.0, 1.0).log_prob(x).sum(1).mean())
    torch.testing.assert_close(loss.record["log_prob"], -loss.value.detach())
    by_mu, by_log_s = torch.autograd.grad(loss.value, [model.mu, model.log_s])
    torch.testing.assert_close(by_mu, -x.mean(0))
    torch.testing.assert_close(by_log_s, 1 - x.square().mean(0))


def test_a_program_is_told_how_many_data_its_batch_stands_for() -> None:
    seen: list[int] = []

    def model(x: Tensor, size: int) -> None:
        seen.append(size)
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=x)

    x = torch.randn(4)
    program = ppgen.Program(model).setup({"x": x})
    loss = loss_of(MaximumLikelihood(), program.model, None, {"x": x}, 50)
    assert seen[-1] == 50
    torch.testing.assert_close(loss.value, -dist.Normal(0.0, 1.0).log_prob(x).mean())


def test_a_pixelcnn_is_scored_by_its_own_density() -> None:
    model, x = GatedPixelCNN((1, 4, 4), hidden=4, num_layers=2), torch.bernoulli(torch.full((3, 1, 4, 4), 0.5))
    loss = loss_of(MaximumLikelihood(), model, None, {"x": x}, 30)
    torch.testing.assert_close(loss.value, -model.x().log_prob(x).mean())


@pytest.mark.parametrize(("model", "word"), [(VAE((1, 8, 8)), "latent"), (GAN((1, 8, 8)), "Adversarial")])
def test_models_without_an_exact_density_are_refused(model: Model, word: str) -> None:
    with pytest.raises(SettingError, match=word):
        MaximumLikelihood().check(model, None)
