"""Data and draws in one pass of a critic: only where it scores each event alone, and then to the same loss."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import models, nets
from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import LOSSES
from ppgen.objectives.own_critics import judges_each_alone

X = (1, 8, 8)


class Batched(nn.Module):
    """A user's: how an event is scored depends on the batch, as in minibatch discrimination."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        return self.linear(flat - flat.mean(0)).squeeze(-1)


def normalised() -> nn.Module:
    return nets.Critic(nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.BatchNorm1d(5)), 5)


ALONE = {
    "vectors": lambda: nets.critic((3,)),
    "images": lambda: nets.critic(X),
    "patches": lambda: nets.PatchCritic(X),
    "a body of one's own": lambda: nets.Critic(nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Tanh()), 5),
}
APART = {
    "batch normalisation": normalised,
    "spectral norms": lambda: nets.critic(X, spectral=True),
    "somebody else's": Batched,
    "inside one of ours": lambda: nets.Critic(nn.Sequential(Batched(), nn.Unflatten(0, (-1, 1))), 1),
    "rows that are joined": lambda: nets.Critic(nn.Sequential(nn.Flatten(0), nn.Linear(384, 5)), 5),
    "dropout": lambda: nets.Critic(nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Dropout()), 5),
}


def data(name: str) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    shape = (3,) if name == "vectors" else X
    return torch.rand(6, *shape).double(), torch.rand(6, *shape).double()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ALONE)
def test_one_pass_gives_the_loss_the_gradient_and_the_record_of_two(name: str, loss: str) -> None:
    torch.manual_seed(0)
    critic = ALONE[name]().double()
    assert judges_each_alone(critic)
    game, found = Game(LOSSES[loss], r1=0.5), []
    for together in (False, True):
        turn = game.critic(critic, *data(name), together=together)
        found.append((turn, torch.autograd.grad(turn.value, list(critic.parameters()))))
    (apart, slopes), (at_once, others) = found
    torch.testing.assert_close(at_once.value, apart.value)
    torch.testing.assert_close(at_once.record, apart.record)
    torch.testing.assert_close(others, slopes)


@pytest.mark.parametrize("name", ALONE)
def test_who_is_said_to_judge_each_alone_does(name: str) -> None:
    torch.manual_seed(0)
    critic, (x, other) = ALONE[name]().double(), data(name)
    torch.testing.assert_close(critic(torch.cat([x, other]))[:6], critic(x))


@pytest.mark.parametrize("name", APART)
def test_a_critic_that_nobody_here_can_vouch_for_sees_them_one_after_the_other(name: str) -> None:
    assert not judges_each_alone(APART[name]())


def passes(objective: Any, model: Any, batch: dict[str, Tensor], critic: str) -> list[int]:
    """Rows of each pass of a critic in its turn."""
    rows: list[int] = []
    state = objective.setup(model, None, batch)
    state.networks[critic].register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    objective.loss(state, "critic", objective.step(state, batch, 6))
    return rows


@pytest.mark.parametrize(("critic", "rows"), [(nets.critic(X), [12]), (Batched(), [6, 6])])
def test_a_game_shows_its_critic_both_at_once_where_it_may(critic: nn.Module, rows: list[int]) -> None:
    x = torch.rand(6, *X)
    assert passes(ppgen.Adversarial(critic), models.GAN(X, 2, hidden=(4,)), {"x": x}, "critic") == rows
    translation = ppgen.CycleTranslation({"a": critic, "b": critic})
    pair = models.CycleGAN(X, X, width=2, num_blocks=1)
    assert passes(translation, pair, {"a": x, "b": x}, "critic_a") == rows
