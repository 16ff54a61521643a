"""The contract of an objective: its name and settings, its turns, and the pairs that it refuses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import Delta, MeanField
from ppgen.objectives import (
    ELBO,
    IWAE,
    Adversarial,
    Loss,
    MaximumLikelihood,
    Objective,
    Player,
    Simulation,
    State,
    Step,
    TotalCorrelation,
    TrainingPosition,
    WakeSleep,
)
from tests.oracles.conjugate import SharedMean
from tests.oracles.gaussian_pair import Linear, LinearGuide
from tests.oracles.linear_gaussian import PPCA, marginal
from tests.oracles.losses import loss_of

MOMENTS: list[tuple[float, float]] = []


class Moments(Objective):
    """Match the mean of x by a network of the objective's own, which learns the data's mean at the same time."""

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        return State(model, guide, {"mean": nn.Linear(1, batch["x"].shape[1])})

    def players(self, state: State) -> list[Player]:
        return [
            Player("statistic", [state.networks["mean"]], {"betas": (0.5, 0.9)}),
            Player("model", [state.model]),
        ]

    def schedule(self, position: TrainingPosition) -> dict[str, float]:
        return {"step": position.step, "epoch": position.epoch}

    def loss(self, state: State, player: str, step: Step) -> Loss:
        MOMENTS.append((float(step.schedule["step"]), float(step.schedule["epoch"])))
        mean = state.networks["mean"](torch.ones(1))
        target = step.batch["x"].mean(0) if player == "statistic" else step.model.bias
        value = (target - (mean if player == "statistic" else mean.detach())).square().sum()
        return Loss(value, {f"{player}/distance": value.detach().sqrt()})


def test_an_objective_of_ones_own_plays_its_turns_in_order() -> None:
    torch.manual_seed(0)
    objective, model = Moments(), PPCA()
    MOMENTS.clear()
    x = marginal(PPCA(seed=1)).sample((100,)).float()
    weight = model.weight.detach().clone()
    data = {"train": x, "valid": x[:9] + 1, "test": x[:9] + 2}
    fit = ppgen.fit(model, data, objective=objective, max_epochs=60, batch_size=100, learning_rate=0.05, progress=False)
    assert set(fit.history[-1]["train"]) == {
        f"{player}{part}" for player in ("statistic", "model") for part in ("_loss", "/distance", "_gradient_norm")
    }
    assert fit.history[-1]["train"]["model/distance"] < 0.2 < fit.history[0]["train"]["model/distance"]
    torch.testing.assert_close(model.bias.detach(), x.mean(0), rtol=0, atol=0.1)
    assert torch.equal(model.weight, weight)  # no gradient, no step
    # The first two are the rehearsal.
    assert MOMENTS[2:] == [(i, i) for i in range(60) for _ in range(2)]


NAMES = {
    "ELBO()": ELBO(),
    "ELBO(beta=0)": ELBO(0),
    "ELBO(beta=2, warmup=3, num_particles=4, closed_form=False)": ELBO(2, warmup=3, num_particles=4, closed_form=False),
    "ELBO(beta=2, warmup=3, cycles=2, free_bits=0.5, free_bits_per=dimension, label_weight=0.1)": ELBO(
        2.0, warmup=3, cycles=2, free_bits=0.5, free_bits_per="dimension", label_weight=0.1
    ),
    "ELBO(warmup=50, capacity=25, capacity_weight=10)": ELBO(capacity=25, capacity_weight=10, warmup=50),
    "ELBO(num_particles=4, gradient=score)": ELBO(gradient="score", num_particles=4),
    "IWAE(8)": IWAE(),
    "IWAE(4, dreg)": IWAE(4, gradient="dreg"),
    "MaximumLikelihood()": MaximumLikelihood(),
    "Adversarial(nonsaturating)": Adversarial(),
    "Adversarial(wasserstein, critic_steps=3, r1=0.1)": Adversarial(loss="wasserstein", critic_steps=3, r1=0.1),
    "TotalCorrelation(beta=6)": TotalCorrelation(),
    "TotalCorrelation(beta=4, warmup=5)": TotalCorrelation(4, warmup=5),
    "Simulation(100000)": Simulation(),
    "WakeSleep(1)": WakeSleep(),
    "WakeSleep(5, both)": WakeSleep(5, guide_phase="both"),
}


@pytest.mark.parametrize("name", NAMES)
def test_name_and_settings_say_how_it_was_made(name: str) -> None:
    objective = NAMES[name]
    assert objective.name == name
    settings = json.loads(json.dumps(objective.settings()))
    again = type(objective)(**settings)
    assert (again.name, again.settings()) == (name, settings)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(objective, next(iter(settings), "beta"), 2.0)


def test_a_dataclass_of_ones_own_has_a_name_and_settings() -> None:
    @dataclasses.dataclass(frozen=True)
    class Tempered(MaximumLikelihood):
        temperature: float = 1.0
        power: int = 2

    assert Tempered().name == "Tempered()"
    assert Tempered(0.5).name == "Tempered(temperature=0.5)"
    assert Tempered(power=3).settings() == {"temperature": 1.0, "power": 3}


@pytest.mark.parametrize(
    "given",
    [
        (ELBO, 1.0, 10),
        (IWAE, 2, "dreg"),
        (TotalCorrelation, 2.0, 5),
        (WakeSleep, 2, "wake"),
        (Adversarial, None, "nonsaturating", 3),
    ],
    ids=lambda given: given[0].__name__,
)
def test_further_settings_are_given_by_name(given: tuple[Any, ...]) -> None:
    """A number or a word in second place does not say what it sets."""
    make, *settings = given
    with pytest.raises(TypeError, match="positional"):
        make(*settings)


class Coin(Model):
    """z ~ Geometric(1/2);  x | z ~ Normal(z, 1)."""

    @latent
    def z(self) -> Any:
        return dist.Geometric(0.5)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, 1.0)


class Guess(Guide):
    @latent
    def z(self, x: Tensor) -> Any:
        return dist.Geometric(logits=x)


@pytest.mark.parametrize("objective", [ELBO(), IWAE(2), TotalCorrelation()], ids=lambda one: one.name)
def test_a_draw_without_a_path_is_named(objective: Objective) -> None:
    with pytest.raises(DeclarationError) as caught:
        loss_of(objective, Coin(), Guess(), {"x": torch.zeros(3)}, 3)
    assert f"{objective.name}: the guide draws 'z' from Geometric" in caught.value.what


@pytest.mark.parametrize(
    "objective",
    [ELBO(free_bits=1.0), ELBO(capacity=1.0), IWAE(2), TotalCorrelation(), WakeSleep()],
    ids=lambda one: one.name,
)
def test_a_point_is_named(objective: Objective) -> None:
    model = Linear()
    with pytest.raises(SettingError) as caught:
        loss_of(objective, model, Delta(model), {"x": torch.zeros(2, 3)}, 2)
    assert f"{objective.name}: the guide is a point" in caught.value.what


@pytest.mark.parametrize("objective", [IWAE(2), WakeSleep()], ids=lambda one: one.name)
def test_a_global_latent_is_named(objective: Objective) -> None:
    model = SharedMean()
    with pytest.raises(SettingError, match="'mu' is a global latent"):
        objective.check(model, MeanField(model))


@pytest.mark.parametrize("objective", [ELBO(), IWAE(), TotalCorrelation(), WakeSleep()], ids=lambda one: one.name)
def test_a_pair_that_has_no_bound_is_refused(objective: Objective) -> None:
    with pytest.raises(SettingError, match="no guide"):
        objective.check(Linear(), None)
    with pytest.raises(SettingError, match="implicit"):
        objective.check(ppgen.models.GAN((1, 8, 8)), None)


RECORDED = [
    ELBO(), ELBO(gradient="stl"), ELBO(gradient="score", num_particles=2), IWAE(2), IWAE(2, gradient="dreg"),
    TotalCorrelation(), WakeSleep(2, guide_phase="both"),
]  # fmt: skip


@pytest.mark.parametrize("objective", RECORDED, ids=lambda one: one.name)
def test_a_record_keeps_numbers_and_not_the_graph_of_its_step(objective: Objective) -> None:
    model = Linear()
    guide, batch = LinearGuide(model, off=0.2), {"x": model(size=4)["x"].detach()}
    state = objective.setup(model, guide, batch)
    for player in objective.players(state):
        loss = objective.loss(state, player.name, objective.step(state, batch, 8))
        assert loss.value.requires_grad
        assert loss.record
        assert all(part.shape == () and not part.requires_grad for part in loss.record.values())


def test_a_state_names_all_that_has_weights() -> None:
    model, guide, critic = (nn.Linear(1, 1) for _ in range(3))
    assert State(model).modules == {"model": model}
    named = State(model, guide, {"critic": critic}).modules
    assert list(named.items()) == [("model", model), ("guide", guide), ("critic", critic)]


def test_a_player_moves_what_is_shared_once_and_nothing_that_is_frozen() -> None:
    shared, frozen = nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)
    player = Player("one", [shared, nn.Sequential(shared, frozen)])
    assert [id(p) for p in player.parameters] == [id(shared.weight), id(shared.bias)]
    assert (player.every, player.average, player.optimizer) == (1, None, {})


@pytest.mark.parametrize("settings", [{"every": 0}, {"every": 1.5}, {"average": 1.0}, {"average": -0.1}], ids=str)
def test_a_player_out_of_range_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=f"player 'critic': {next(iter(settings))}"):
        Player("critic", [], **settings)
    assert Player("critic", [], average=0.0).average == 0.0


def test_by_default_one_player_moves_all_that_there_is() -> None:
    model, guide = nn.Linear(1, 1), nn.Linear(1, 1)
    (both,) = ELBO().players(State(model, guide))
    (alone,) = ELBO().players(State(model))
    assert (both.name, list(both.modules)) == ("elbo", [model, guide])
    assert list(alone.modules) == [model]


def test_what_is_scheduled_reaches_the_loss_as_tensors_beside_the_batch() -> None:
    state = State(nn.Linear(1, 1), nn.Linear(1, 1))
    for device in ("cpu", "meta"):
        batch = {"x": torch.zeros(2, 1, device=device)}
        step = Moments().step(state, batch, 7, TrainingPosition(3, 1.5))
        assert (step.model, step.guide, step.batch, step.size) == (state.model, state.guide, batch, 7)
        assert {(v.dtype, v.shape, v.device.type) for v in step.schedule.values()} == {(torch.float64, (), device)}
    assert Moments().step(state, {"x": torch.zeros(2)}, 7, TrainingPosition(3, 1.5)).schedule == {
        "step": 3,
        "epoch": 1.5,
    }
    assert Moments().step(state, {}, 7).schedule == {"step": 0, "epoch": 0}
