"""Gradients that run a pair twice, where the second run would be of another pair than the first."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

import ppgen
from ppgen import Guide, Model, latent, observed
from ppgen.errors import SettingError
from ppgen.objectives import ELBO, IWAE
from tests.oracles.losses import loss_of


class Noisy(Model):
    """A decoder with a dropout module, or one that drops out by itself."""

    def __init__(self, module: bool) -> None:
        super().__init__()
        self.weight = nn.Linear(2, 3)
        self.drop = nn.Dropout(0.5 if module else 0.0)
        self.hidden = 0.0 if module else 0.5

    @latent
    def z(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        dropped = dropout(self.drop(z), self.hidden, training=self.training)
        return dist.Normal(self.weight(dropped), 0.5).to_event(1)


class Follow(Guide):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(3, 2)

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(self.net(x), 0.6).to_event(1)


X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))


def test_doubly_reparameterised_gradients_refuse_dropout_in_the_model() -> None:
    with pytest.raises(SettingError, match="evaluates the model twice"):
        loss_of(IWAE(4, gradient="dreg"), Noisy(True), Follow(), {"x": X}, 40)


def test_and_noise_that_no_module_announces() -> None:
    with pytest.raises(SettingError, match="another density the second time"):
        ppgen.fit(Noisy(False), {"x": X}, guide=Follow(), objective=IWAE(4, gradient="dreg"), max_epochs=1)


@pytest.mark.parametrize("objective", [IWAE(4), IWAE(1, gradient="stl"), ELBO(gradient="stl")], ids=lambda o: o.name)
def test_others_run_the_model_once(objective: Any) -> None:
    assert loss_of(objective, Noisy(True), Follow(), {"x": X}, 40).value.isfinite()


def test_a_model_at_rest_is_a_function_of_its_input() -> None:
    assert loss_of(IWAE(4, gradient="dreg"), Noisy(True).eval(), Follow(), {"x": X}, 40).value.isfinite()
