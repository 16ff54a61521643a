"""The contract of an objective: what is minimised, by whom, and what it may ask of settings, models and draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference.paired_trace import PairedTrace, trace_pair
from ppgen.objectives import Loss, Objective, Player, TrainingPosition
from ppgen.objectives.objective import must_be_pathwise, must_have_spread
from tests.oracles.linear_gaussian import PPCA, marginal


class Moments(Objective):
    """Match the mean of x by a network of the objective's own, which learns the data's mean at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.networks["mean"] = nn.Linear(1, 20)
        self.moments: list[TrainingPosition] = []

    @property
    def name(self) -> str:
        return "Moments()"

    def check(self, model: Any, guide: Any) -> None:
        return

    def players(self, model: nn.Module, guide: nn.Module | None) -> list[Player]:
        return [Player("statistic", [self.networks["mean"]], betas=(0.5, 0.9)), Player("model", [model])]

    def loss(
        self, player: str, model: Any, guide: Any, batch: Mapping[str, Tensor], size: int, position: TrainingPosition
    ) -> Loss:
        self.moments.append(position)
        mean = self.networks["mean"](torch.ones(1))
        target = batch["x"].mean(0) if player == "statistic" else model.bias
        value = (target - (mean if player == "statistic" else mean.detach())).square().sum()
        return Loss(value, {f"{player}/distance": value.detach().sqrt()})


def test_an_objective_of_ones_own_plays_its_turns_in_order() -> None:
    torch.manual_seed(0)
    objective, model = Moments(), PPCA()
    x = marginal(PPCA(seed=1)).sample((100,)).float()
    weight = model.weight.detach().clone()
    data = {"train": x, "valid": x[:9] + 1, "test": x[:9] + 2}
    fit = ppgen.fit(model, None, data, objective, max_epochs=60, batch_size=100, learning_rate=0.05, progress=False)
    assert set(fit.history[-1]["train"]) == {"statistic_loss", "statistic/distance", "model_loss", "model/distance"}
    assert fit.history[-1]["train"]["model/distance"] < 0.2 < fit.history[0]["train"]["model/distance"]
    torch.testing.assert_close(model.bias.detach(), x.mean(0), rtol=0, atol=0.1)
    assert torch.equal(model.weight, weight)  # no gradient, no step
    steps = [(position.step, position.epoch) for position in objective.moments[2:]]  # the first two are the rehearsal
    assert steps == [(i, float(i)) for i in range(60) for _ in range(2)]


def drawn_from(fn: Any) -> PairedTrace:
    def program(batch: Any, size: int) -> None:
        pyro.sample("z", fn)

    return trace_pair(program, program, {}, 1)


def test_a_draw_without_a_path_is_named() -> None:
    must_be_pathwise(drawn_from(dist.Gamma(2.0, 1.0)), ppgen.ELBO())
    with pytest.raises(DeclarationError, match=r"ELBO\(\): the guide draws 'z' from Poisson"):
        must_be_pathwise(drawn_from(dist.Poisson(2.0)), ppgen.ELBO())


def test_a_point_is_named() -> None:
    must_have_spread(drawn_from(dist.Normal(0.0, 1.0)), ppgen.IWAE(8))
    with pytest.raises(SettingError, match=r"IWAE\(8\): the guide is a point"):
        must_have_spread(drawn_from(dist.Delta(torch.tensor(1.0))), ppgen.IWAE(8))
