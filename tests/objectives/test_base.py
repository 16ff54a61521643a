from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

import ppgen
from ppgen.objectives import Loss, Moment, Objective, Turn
from tests.oracles.linear_gaussian import PPCA, marginal


class Moments(Objective):
    """Match the mean of x by a network of the objective's own, which learns the data's mean at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.networks["mean"] = nn.Linear(1, 20)
        self.moments: list[Moment] = []

    @property
    def name(self) -> str:
        return "Moments()"

    def check(self, model: Any, guide: Any) -> None:
        return

    def turns(self, model: nn.Module, guide: nn.Module | None) -> list[Turn]:
        return [Turn("statistic", [self.networks["mean"]], betas=(0.5, 0.9)), Turn("model", [model])]

    def loss(self, turn: str, model: Any, guide: Any, batch: Mapping[str, Tensor], size: int, moment: Moment) -> Loss:
        self.moments.append(moment)
        mean = self.networks["mean"](torch.ones(1))
        target = batch["x"].mean(0) if turn == "statistic" else model.bias
        value = (target - (mean if turn == "statistic" else mean.detach())).square().sum()
        return Loss(value, {f"{turn}/distance": value.detach().sqrt()})


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
    steps = [(moment.step, moment.epoch) for moment in objective.moments[2:]]  # the first two are the rehearsal
    assert steps == [(i, float(i)) for i in range(60) for _ in range(2)]
