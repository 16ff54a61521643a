from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.guides import MeanField
from ppgen.objectives import TrainingPosition
from ppgen.training.diagnosis import diagnose, not_finite
from tests.oracles.losses import problem_of


class Scaled(Model):
    """z ~ Normal(0, 1);  x | z ~ Normal(z, s)."""

    def __init__(self) -> None:
        super().__init__()
        self.log_s = nn.Parameter(torch.zeros(()))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, self.log_s.exp())


def found(model: Model, guide: Any, x: Tensor) -> str:
    return "; ".join(not_finite(problem_of(model, guide, ppgen.ELBO(), {"x": x}, len(x)), {"x": x}))


def test_each_place_has_a_name() -> None:
    model = Scaled()
    guide, x = MeanField(model, width=4), torch.zeros(3)
    assert found(model, guide, x) == ""
    assert "data 'x' (1 of 3 values)" in found(model, guide, torch.tensor([0.0, float("nan"), 0.0]))
    with torch.no_grad():
        model.log_s.fill_(float("inf"))
    assert "parameter 'model.log_s' (1 of 1 values)" in found(model, guide, x)
    with torch.no_grad():
        model.log_s.fill_(-200.0)  # exp underflows to 0: finite parameter, infinite density
    assert found(model, guide, x).startswith("log p of site 'x'")
    with torch.no_grad():
        model.log_s.fill_(0.0)
        guide.heads["z"].bias[0] = float("inf")
    assert "parameter 'guide.heads.z.bias'" in found(model, guide, x)
    assert "value of site 'z'" in found(model, guide, x)


@pytest.mark.parametrize("since", [0, 4])
def test_an_error_says_where_when_and_what_helps(since: int) -> None:
    model = Scaled()
    problem = problem_of(model, MeanField(model, width=4), ppgen.ELBO(), {"x": torch.zeros(3)}, 3)
    with torch.no_grad():
        model.log_s.fill_(-200.0)
    error = diagnose(problem, "elbo", {"x": torch.zeros(3)}, TrainingPosition(11, 1.5), since=since)
    before = " or up to 4 steps before" if since else ""
    assert f"step 12{before} (epoch 2, player 'elbo', a batch of 3 rows)" in error.what
    assert "log p of site 'x'" in str(error.got)
    assert "clip_norm" in str(error.fix)


def test_a_loss_that_is_finite_again_is_not_blamed_on_anybody() -> None:
    model = Scaled()
    problem = problem_of(model, MeanField(model), ppgen.ELBO(), {"x": torch.zeros(3)}, 3)
    assert "other noise" in str(diagnose(problem, "elbo", {"x": torch.zeros(3)}, TrainingPosition()).got)


def test_an_implicit_model_has_no_sites_to_look_at() -> None:
    problem = problem_of(ppgen.models.GAN((1, 8, 8)), None, ppgen.Adversarial(), {"x": torch.rand(4, 1, 8, 8)}, 4)
    with torch.no_grad():
        next(problem.state.networks["critic"].parameters()).fill_(float("nan"))
    error = diagnose(problem, "critic", {"x": torch.rand(4, 1, 8, 8)}, TrainingPosition())
    assert "parameter 'critic." in str(error.got)
