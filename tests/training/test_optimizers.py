"""Optimizers: torch's own to the bit, one for each player, and refused by name before the first step."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.errors import SettingError
from ppgen.models import GAN, VAE
from ppgen.objectives import Player
from ppgen.training.optimizers import OPTIMIZERS, Adam, by_player, described, make_optimizer
from tests.oracles.state import same, state_of

X = torch.bernoulli(torch.full((48, 4), 0.5, dtype=torch.float32), generator=torch.Generator().manual_seed(0))


def player(**settings: Any) -> Player:
    torch.manual_seed(0)
    return Player("one", [nn.Linear(3, 2)], **settings)


def walk(optimizer: Any, parameters: list[nn.Parameter]) -> list[Tensor]:
    """Three steps on gradients of seed 0, with learning rates 1, 1/2 and 1/4 of the start."""
    generator = torch.Generator().manual_seed(0)
    for n in range(3):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.scale(0.5**n)
        optimizer.step()
    return [p.detach().clone() for p in parameters]


class ByTorch:
    """torch's optimizer and its own scheduler's arithmetic, by hand."""

    def __init__(self, made: torch.optim.Optimizer) -> None:
        self.made, self.start = made, made.param_groups[0]["lr"]

    def scale(self, factor: float) -> None:
        self.made.param_groups[0]["lr"] = self.start * factor

    def step(self) -> None:
        self.made.step()


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "radam", "adamax"])
def test_a_named_optimizer_is_torchs_to_the_bit(name: str) -> None:
    ours, theirs = player(), player()
    settings = {"fused": True} if name == "adam" else {}
    ended = walk(make_optimizer(name, ours, 0.01), ours.parameters)
    expected = walk(ByTorch(OPTIMIZERS[name](theirs.parameters, lr=0.01, **settings)), theirs.parameters)
    assert all(torch.equal(one, other) for one, other in zip(ended, expected, strict=True))


def test_adam_moves_parameters_of_several_types_and_leaves_those_without_a_gradient() -> None:
    def parameters() -> list[nn.Parameter]:
        torch.manual_seed(0)
        return [nn.Parameter(torch.randn(3, dtype=kind)) for kind in (torch.float32, torch.float64, torch.float32)]

    ours, theirs = parameters(), parameters()
    one, other = Adam(ours, 0.01), torch.optim.Adam(theirs, 0.01, fused=True)
    for n in range(3):
        for mine, its in zip(ours, theirs, strict=True):
            mine.grad, its.grad = mine.detach() + n, its.detach() + n
        ours[n].grad = theirs[n].grad = None
        one.step()
        other.step()
    assert all(map(torch.equal, ours, theirs))


def test_the_default_adam_has_the_memory_that_its_player_asks_for() -> None:
    ours, theirs = player(optimizer={"betas": (0.5, 0.99)}), player()
    ended = walk(make_optimizer("adam", ours, 0.01), ours.parameters)
    expected = walk(Adam(theirs.parameters, 0.01, (0.5, 0.99)), theirs.parameters)
    assert all(torch.equal(one, other) for one, other in zip(ended, expected, strict=True))


def test_state_goes_through_a_checkpoint() -> None:
    first, second = player(), player()
    one, other = make_optimizer("adamw", first, 0.01), make_optimizer("adamw", second, 0.01)
    walk(one, first.parameters)
    other.restore(copy.deepcopy(one.state()))
    for mine, its in zip(second.parameters, first.parameters, strict=True):
        mine.data.copy_(its.data)
    assert all(map(torch.equal, walk(one, first.parameters), walk(other, second.parameters)))


def fit(**settings: Any) -> ppgen.fitted.Fit:
    torch.manual_seed(0)
    model = VAE((4,), 2, hidden=(4,))
    return ppgen.fit(model, X, **{"max_epochs": 2, "batch_size": 16, "progress": False} | settings)


def test_a_name_and_the_factory_that_it_stands_for_train_alike(tmp_path: Any) -> None:
    named = fit(optimizer="sgd", out=tmp_path / "named")
    made = fit(optimizer=torch.optim.SGD)
    assert same(state_of(named), state_of(made))
    assert not same(state_of(named), state_of(fit(optimizer=functools.partial(torch.optim.SGD, momentum=0.9))))
    assert not same(state_of(named), state_of(fit()))
    assert ppgen.load(tmp_path / "named", data=X).settings["optimizer"] == "sgd"


def test_a_run_is_taken_up_with_its_optimizer_alone(tmp_path: Any) -> None:
    straight = fit(optimizer="rmsprop", max_epochs=4)
    fit(optimizer="rmsprop", out=tmp_path / "run")
    with pytest.raises(ppgen.errors.CheckpointError, match="another optimizer"):
        fit(max_epochs=4, out=tmp_path / "run", resume=True)
    assert same(state_of(fit(optimizer="rmsprop", max_epochs=4, out=tmp_path / "run", resume=True)), state_of(straight))


def test_a_schedule_may_be_a_function() -> None:
    assert same(state_of(fit(schedule=lambda done: 1.0)), state_of(fit()))
    halved = state_of(fit(schedule=lambda done: 0.5))
    assert same(halved, state_of(fit(learning_rate=0.5e-3)))


def make_gan(**settings: Any) -> ppgen.fitted.Fit:
    torch.manual_seed(0)
    chosen = {
        "objective": ppgen.Adversarial(critic_steps=3),
        "optimizer": {"critic": "rmsprop", "generator": functools.partial(torch.optim.AdamW, betas=(0.5, 0.9))},
        "learning_rate": {"critic": 4e-3, "generator": 1e-3},
        "average": {"generator": 0.9},
        "max_epochs": 4,
        "batch_size": 16,
        "progress": False,
    }
    x = torch.rand(7 * 16, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    data = {"train": x, "valid": x[:4], "test": x[4:8]}
    return ppgen.fit(GAN((1, 8, 8), latent_dim=2, hidden=(8,)), data, **{**chosen, **settings})


def test_two_players_of_their_own_kind_are_resumed_to_the_bit(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two optimizers and learning rates, three steps of the critic to one of the generator, which is averaged.

    Seven batches an epoch: the generator's turns, every third batch, fall on other batches in each epoch. The run is
    broken off in the middle of the third epoch, where the critic is one step ahead of a turn of the generator.
    """
    straight = make_gan()
    assert [row["step"] for row in straight.history] == [7, 14, 21, 28]

    class Stop(ppgen.Callback):
        def step(self, training: Any) -> None:
            if training.step == 16:
                raise KeyboardInterrupt

    from ppgen.training import loop

    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(KeyboardInterrupt):
        make_gan(out=tmp_path / "run", callbacks=[Stop()])
    resumed = make_gan(out=tmp_path / "run", resume=True)
    assert same(state_of(resumed), state_of(straight))
    assert [row["train"] for row in resumed.history] == [row["train"] for row in straight.history]
    again = ppgen.load(tmp_path / "run", data=straight.data)
    assert same(state_of(again), state_of(straight))
    assert not same(state_of(make_gan(average=None)), state_of(straight))


def test_the_generator_moves_on_every_third_batch_alone() -> None:
    seen: list[tuple[bool, bool]] = []

    class Watch(ppgen.Callback):
        def start(self, training: Any) -> None:
            self.before = state_of(training.fit)

        def step(self, training: Any) -> None:
            now, before = state_of(training.fit), self.before
            moved = {name.split(".")[0] for name in now if not torch.equal(now[name], before[name])}
            seen.append(("critic" in moved, "model" in moved))
            self.before = now

    make_gan(max_epochs=1, average=None, callbacks=[Watch()])
    assert seen == [(True, False), (True, False), (True, True)] * 2 + [(True, False)]


def test_one_objective_serves_two_fits_with_a_critic_each() -> None:
    objective = ppgen.Adversarial()
    first, second = (make_gan(objective=objective, max_epochs=1, seed=seed) for seed in (0, 1))
    critics = [one.state.networks["critic"] for one in (first, second)]
    assert critics[0] is not critics[1]
    assert not same(*(critic.state_dict() for critic in critics))
    alone = make_gan(objective=ppgen.Adversarial(), max_epochs=1)
    assert same(state_of(first), state_of(alone))


WRONG: dict[str, tuple[Any, str]] = {
    "no player": ({"citric": "adam"}, "there is no player 'citric'"),
    "no function of parameters": (lambda: None, "makes no optimizer"),
    "no optimizer": (lambda parameters, lr: 3, "makes no optimizer"),
    "needs a closure": (torch.optim.LBFGS, "makes no optimizer"),
    "made already": (torch.optim.SGD([torch.zeros(1)], lr=0.1), "no optimizer that could be made"),
    "a learning rate of its own": (functools.partial(torch.optim.SGD, lr=0.5), "a learning rate of its own"),
    "other parameters": (
        lambda parameters, lr: torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr),
        "makes no optimizer",
    ),
    "a wrong setting": (functools.partial(torch.optim.SGD, momentum=-1.0), "makes no optimizer"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_optimizer_is_told_before_anything_is_written(wrong: str, tmp_path: Any) -> None:
    optimizer, message = WRONG[wrong]
    with pytest.raises(SettingError, match=message):
        make_gan(optimizer=optimizer, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_optimizers_as_plain_data() -> None:
    def kind(choice: Any) -> Any:
        return described(choice, {"critic": make_optimizer(choice, player(), 0.1)})

    assert kind("adam") == "adam"
    assert kind(torch.optim.SGD) == "SGD"
    assert kind(functools.partial(torch.optim.SGD, momentum=0.9)) == "SGD(momentum=0.9)"
    assert kind(lambda parameters, lr: torch.optim.SGD(parameters, lr, momentum=0.5)) == "SGD(momentum=0.5)"
    made = {
        "critic": make_optimizer(torch.optim.SGD, player(), 0.1),
        "generator": make_optimizer("adam", player(), 0.1),
    }
    assert described({"critic": torch.optim.SGD, "generator": "adam"}, made) == {"critic": "SGD", "generator": "adam"}


def test_functions_that_do_different_things_are_different_settings(tmp_path: Any) -> None:
    def adam(beta: float) -> Any:
        return lambda parameters, lr: torch.optim.Adam(parameters, lr, betas=(beta, 0.999))

    fit(optimizer=adam(0.5), schedule=lambda done: 1 - 0.9 * done, out=tmp_path / "run")
    with pytest.raises(ppgen.errors.CheckpointError, match="another optimizer"):
        fit(optimizer=adam(0.9), schedule=lambda done: 1 - 0.9 * done, out=tmp_path / "run", resume=True)
    with pytest.raises(ppgen.errors.CheckpointError, match="another schedule"):
        fit(optimizer=adam(0.5), schedule=lambda done: 1.0, out=tmp_path / "run", resume=True)
    fit(optimizer=adam(0.5), schedule=lambda done: 1 - 0.9 * done, out=tmp_path / "run", resume=True)


def test_a_setting_for_each_player() -> None:
    players = [Player("critic", []), Player("generator", [])]
    assert by_player("fit: learning_rate", 0.1, players) == {"critic": 0.1, "generator": 0.1}
    assert by_player("fit: learning_rate", {"critic": 0.1}, players) == {"critic": 0.1}
