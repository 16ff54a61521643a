"""A player's turn, before anything moves: the norm is that of all its gradients together, to the bit."""

from __future__ import annotations

from typing import Any

import torch

import ppgen
from ppgen.models import GAN
from ppgen.training.step import take_turn


def turn_of(player: str, parameters: list[Any] | None = None) -> Any:
    torch.manual_seed(0)
    objective, batch = ppgen.Adversarial(), {"x": torch.randn(6, 3)}
    state = objective.setup(GAN((3,), 2, (5,)), None, batch)
    chosen = {each.name: each.parameters for each in objective.players(state)}
    moved = chosen[player] if parameters is None else parameters
    return take_turn(objective, state, player, objective.step(state, batch, 6), moved)


def test_the_norm_is_that_of_torch() -> None:
    for player in ("critic", "generator"):
        turn = turn_of(player)
        assert torch.equal(turn.norm, torch.nn.utils.get_total_norm(turn.gradients))
        assert turn.norm > 0


def test_what_the_loss_does_not_depend_on_adds_nothing() -> None:
    turn = turn_of("critic", [torch.nn.Parameter(torch.ones(2))])
    assert turn.gradients == (None,)
    assert turn.norm == 0
