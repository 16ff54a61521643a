"""The loss of one player of an objective on one batch, from a state made for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.objectives import Loss, Objective, TrainingPosition
from ppgen.training.prepare import Problem

__all__ = ["loss_of", "problem_of"]


def loss_of(
    objective: Objective,
    model: Any,
    guide: Any,
    batch: Mapping[str, Tensor],
    size: int,
    position: TrainingPosition | None = None,
    *,
    player: str | None = None,
) -> Loss:
    """The loss of a player, the first by default, at a position of training, the start by default."""
    state = objective.setup(model, guide, batch)
    name = objective.players(state)[0].name if player is None else player
    return objective.loss(state, name, objective.step(state, batch, size, position))


def problem_of(model: Any, guide: Any, objective: Objective, batch: Mapping[str, Tensor], size: int) -> Problem:
    """What training would solve, with a state made for it."""
    state = objective.setup(model, guide, batch)
    return Problem(objective, state, objective.players(state), size)
