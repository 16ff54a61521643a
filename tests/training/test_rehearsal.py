"""What an objective gives is checked before anything is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch

import ppgen
from ppgen.errors import DivergenceError, SettingError
from ppgen.inference import elbo_parts
from ppgen.models import VAE

X = torch.bernoulli(torch.full((48, 4), 0.5, dtype=torch.float32), generator=torch.Generator().manual_seed(0))


@dataclasses.dataclass(frozen=True)
class Given(ppgen.Objective):
    """The ELBO, but for what it is told to give."""

    give: Callable[[torch.Tensor], Any]

    def settings(self) -> dict[str, Any]:
        return {}

    def loss(self, state: ppgen.State, player: str, step: ppgen.Step) -> Any:
        parts = elbo_parts(step.model, step.guide, step.batch, step.size)
        return self.give(parts.distortion + parts.rate)


def fit(objective: ppgen.Objective, **settings: Any) -> ppgen.Fit:
    torch.manual_seed(0)
    model = VAE((4,), 2, hidden=(4,))
    return ppgen.fit(model, X, objective=objective, max_epochs=1, progress=False, **settings)


WRONG: dict[str, tuple[Callable[[torch.Tensor], Any], str]] = {
    "no loss": (lambda value: value, "got: Tensor"),
    "nothing": (lambda value: None, "got: NoneType"),
    "a number": (lambda value: ppgen.Loss(value.item()), "a value that is no tensor, float"),
    "a vector": (lambda value: ppgen.Loss(value.expand(3)), r"a value that is no scalar, \[3\]"),
    "a detached value": (lambda value: ppgen.Loss(value.detach()), "a value without a gradient"),
    "another's gradient": (
        lambda value: ppgen.Loss(value.detach() * torch.ones((), requires_grad=True)),
        "depends on none of the parameters",
    ),
    "numbers in the record": (lambda value: ppgen.Loss(value, {"a": 1.0}), "record\\['a'\\] no tensor"),
    "vectors in the record": (lambda value: ppgen.Loss(value, {"a": torch.ones(2)}), "record\\['a'\\] no scalar"),
    "gradients in the record": (lambda value: ppgen.Loss(value, {"a": value}), "record\\['a'\\] with a gradient"),
    "no record": (lambda value: ppgen.Loss(value, [1]), "a record that is list"),
    "another loss in the record": (
        lambda value: ppgen.Loss(value, {"loss": torch.tensor(7.0)}),
        "the name of the loss itself",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_loss_that_nothing_could_be_trained_by_is_named(wrong: str, tmp_path: Any) -> None:
    give, message = WRONG[wrong]
    with pytest.raises(SettingError, match=message):
        fit(Given(give), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_record_that_is_not_finite_ends_the_fit() -> None:
    with pytest.raises(DivergenceError, match="record 'a' of the objective is not finite"):
        fit(Given(lambda value: ppgen.Loss(value, {"a": torch.tensor(float("nan"))})))


class NoPlayers(ppgen.ELBO):
    def players(self, state: ppgen.State) -> list[ppgen.Player]:
        return []


class Twins(ppgen.ELBO):
    def players(self, state: ppgen.State) -> list[ppgen.Player]:
        return 2 * super().players(state)


class NoState(ppgen.ELBO):
    def setup(self, model: Any, guide: Any, batch: Any) -> Any:
        return None


class NoNumbers(ppgen.ELBO):
    def schedule(self, position: Any) -> Any:
        return [0.5]


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (NoPlayers(), "no list of players"),
        (Twins(), "no list of players"),
        (NoState(), "no state"),
        (NoNumbers(), "no numbers"),
    ],
)
def test_what_an_objective_is_made_of_is_checked(objective: ppgen.Objective, message: str, tmp_path: Any) -> None:
    with pytest.raises(SettingError, match=message):
        fit(objective, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_players_keep_averages_of_their_own() -> None:
    class Averaged(ppgen.Adversarial):
        def players(self, state: ppgen.State) -> list[ppgen.Player]:
            return [dataclasses.replace(player, average=0.9) for player in super().players(state)]

    from ppgen.training.settings import choose_players

    objective, model = Averaged(), ppgen.models.GAN((1, 8, 8))
    state = objective.setup(model, None, {"x": torch.rand(4, 1, 8, 8)})
    assert [p.average for p in choose_players(objective, state, {"critic": 0.5})] == [0.5, 0.9]
    assert [p.average for p in choose_players(objective, state, 0.2)] == [0.2, 0.2]
    assert [p.average for p in choose_players(objective, state, {"critic": None})] == [None, 0.9]


def test_parameters_that_nothing_reads_are_named_as_such() -> None:
    """Of a program: nobody has an objective to mend."""

    def model(x: torch.Tensor) -> None:
        pyro.param("unused", torch.zeros(()))
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=x)

    with pytest.raises(SettingError, match="let a site depend on them, or take them out"):
        ppgen.fit(ppgen.Program(model), {"x": torch.zeros(20)}, max_epochs=1, progress=False)


def test_a_program_without_a_guide_is_told_how_a_program_gets_one() -> None:
    def model(x: torch.Tensor) -> None:
        scale = pyro.param("scale", torch.ones(()))
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z, scale), obs=x)

    with pytest.raises(SettingError, match=r"ppgen.Program\(model, guide\), with a guide") as told:
        ppgen.fit(ppgen.Program(model), {"x": torch.zeros(20)}, max_epochs=1, progress=False)
    assert "MeanField" not in str(told.value)
