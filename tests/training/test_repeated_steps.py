"""A step that is not finite with the noise it drew is drawn again, counted and told of; all else stays as it was.

The oracle is the same training by hand: (w - u)^2 with u uniform, where a u below a fifth is thrown away and drawn
anew.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.context import seeded
from ppgen.declare import Model, observed
from ppgen.errors import DivergenceError
from ppgen.objectives import Loss, Objective, TrainingPosition
from ppgen.training.step import REPEATED, TrainingStep
from tests.oracles.losses import problem_of

pytestmark = pytest.mark.filterwarnings("ignore:step .* was not finite with the noise")
BATCH = {"x": torch.zeros(4)}


class Weight(Model):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0))

    @observed
    def x(self) -> Any:
        return dist.Normal(self.w, 1.0)


@dataclasses.dataclass(frozen=True)
class Rare(Objective):
    """Not finite where the noise says so: in the loss, by an error, or always."""

    how: str = "nan"
    below: float = 0.2

    def loss(self, state: Any, player: str, step: Any) -> Loss:
        u = torch.rand(())
        if bool(u < self.below):
            if self.how == "error":
                raise ValueError("Expected parameter scale, but found invalid values: nan")
            u = u * torch.nan
        value = (state.model.w - u) ** 2
        return Loss(value, {})


def by_hand(num_steps: int) -> tuple[list[Tensor], int]:
    w, repeats, path = nn.Parameter(torch.tensor(1.0)), 0, []
    optimizer = torch.optim.Adam([w], lr=0.1)
    for _ in range(num_steps):
        u = torch.rand(())
        while u < 0.2:
            u, repeats = torch.rand(()), repeats + 1
        optimizer.zero_grad()
        ((w - u) ** 2).backward()
        optimizer.step()
        path.append(w.detach().clone())
    return path, repeats


@pytest.mark.parametrize("how", ["nan", "error"])
def test_it_is_the_training_on_the_draws_that_are_finite(how: str) -> None:
    model = Weight()
    step = TrainingStep(problem_of(model, None, Rare(how), BATCH, 4), learning_rate=0.1, device=torch.device("cpu"))
    with seeded(3, torch.device("cpu")):
        expected, repeats = by_hand(60)
    assert repeats > 5
    counted = 0.0
    with seeded(3, torch.device("cpu")):
        for i, wanted in enumerate(expected):
            record = step(BATCH, TrainingPosition(i))
            counted += float(record.get(REPEATED, 0))
            torch.testing.assert_close(model.w.detach(), wanted)
    assert counted == repeats


def test_history_counts_and_says_so_and_a_resume_gives_the_same_bits(tmp_path: Path) -> None:
    data = torch.zeros(80)

    def fitted(folder: str, epochs: int, resume: bool = False) -> ppgen.Fit:
        settings: dict[str, Any] = {"batch_size": 4, "max_epochs": epochs, "patience": None, "progress": False}
        return ppgen.fit(Weight(), data, objective=Rare(), out=tmp_path / folder, resume=resume, **settings)

    with pytest.warns(UserWarning, match="repeated with other noise"):
        whole = fitted("whole", 4)
    fitted("parts", 2)
    parts = fitted("parts", 4, resume=True)
    assert torch.equal(whole.model.w, parts.model.w)
    counts = [row["train"].get(REPEATED, 0.0) for row in whole.history]
    assert counts == [row["train"].get(REPEATED, 0.0) for row in parts.history]
    assert sum(counts) > 4
    assert all(count == round(count) for count in counts)


@pytest.mark.parametrize("how", ["nan", "error"])
def test_what_is_never_finite_ends_the_fit_as_before(how: str) -> None:
    model = Weight()
    step = TrainingStep(problem_of(model, None, Rare(how, below=2.0), BATCH, 4), device=torch.device("cpu"))
    with pytest.raises(DivergenceError if how == "nan" else ValueError, match=r"not finite|invalid values"):
        step(BATCH, TrainingPosition())
    assert model.w.item() == 1.0


@dataclasses.dataclass(frozen=True)
class Twice(Rare):
    """Two players who move the same weight in turn."""

    def players(self, state: Any) -> Any:
        return [dataclasses.replace(super(Twice, self).players(state)[0], name=name) for name in ("one", "other")]


def test_the_repetitions_of_all_players_are_counted() -> None:
    """Of both in one step, not of the last alone."""
    step = TrainingStep(problem_of(Weight(), None, Twice(), BATCH, 4), device=torch.device("cpu"))
    with seeded(3, torch.device("cpu")):
        _, repeats = by_hand(60)
    with seeded(3, torch.device("cpu")):
        counts = [float(step(BATCH, TrainingPosition(i)).get(REPEATED, 0)) for i in range(30)]
    assert sum(counts) == repeats
    assert max(counts) > 1
