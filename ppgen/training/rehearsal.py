"""A step that is computed and forgotten: what an objective gives is checked before anything is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.context import preserved_state, validation
from ppgen.declare import MISSING, partly_missing
from ppgen.errors import SettingError
from ppgen.objectives import Loss, Objective, Player, State, TrainingPosition
from ppgen.training.prepare import Problem

__all__ = ["rehearse", "verify_loss", "verify_players", "verify_state"]


_NO_GRADIENT = "a value without a gradient"
_NOT_THEIRS = "a value that depends on none of the parameters that the player moves"


def rehearse(problem: Problem, rows: Mapping[str, Tensor]) -> None:
    """Compute every player's loss once and forget it, so that what an objective cannot train is refused at once.

    Args:
        problem: what will be trained.
        rows: a few of the data on the device, [N, ...] each.

    Raises:
        SettingError: if the objective cannot be trained where values are missing, or by what it gives.
    """
    problem = dataclasses.replace(problem, size=max(problem.size, len(next(iter(rows.values())))))
    missing = partly_missing(problem.state.model, rows)
    with preserved_state(nn.ModuleList(problem.state.modules.values())), torch.enable_grad(), validation(True):
        for player in problem.players:
            try:
                verify_loss(problem.objective, player, problem.loss(player.name, rows, TrainingPosition()))
            except (RuntimeError, ValueError, IndexError) as error:
                if not missing:
                    raise
                name = problem.objective.name
                raise SettingError(
                    f"{name}: it cannot be trained where values of {missing[0]} are missing ({error})",
                    expected="an objective that sums discrete latents out",
                    got=f"{name} on data with {missing[0]} = {MISSING} in some rows",
                    fix="objective=ppgen.ELBO()",
                    code="S120",
                ) from error


def verify_state(objective: Objective, state: Any) -> None:
    """Refuse what an objective's ``setup`` returned, if it is no state.

    Args:
        objective: whose it is.
        state: what it returned.

    Raises:
        SettingError: saying what it is.
    """
    if not isinstance(state, State):
        raise SettingError(
            f"{objective.name}: its setup gives no state",
            expected="ppgen.State(model, guide), or ppgen.State(model, guide, {'critic': critic})",
            got=type(state).__name__,
            fix="return ppgen.State(model, guide, networks) at the end of setup",
            code="S130",
        )


def verify_players(objective: Objective, players: Any) -> None:
    """Refuse what an objective's ``players`` returned, if nobody would play, or two under one name.

    Args:
        objective: whose they are.
        players: what it returned.

    Raises:
        SettingError: saying what they are.
    """
    are_players = isinstance(players, Sequence) and all(isinstance(player, Player) for player in players)
    names = [player.name for player in players] if are_players else []
    if not names or len(set(names)) < len(names):
        raise SettingError(
            f"{objective.name}: its players are no list of players",
            expected="at least one ppgen.Player, each with a name of its own",
            got=", ".join(names) if are_players and names else repr(players),
            fix='return [ppgen.Player("model", [state.model])]',
            code="S131",
        )


def verify_loss(objective: Objective, player: Player, loss: Any) -> None:
    """Refuse a loss that nothing could be trained by, or whose record history could not keep.

    Args:
        objective: whose it is.
        player: whose turn it was.
        loss: what it returned.

    Raises:
        SettingError: naming what is wrong with it.
    """
    if wrong := _mistake(player, loss):
        raise SettingError(
            f"{objective.name}: the loss of player {player.name!r} cannot be trained by",
            expected="ppgen.Loss(value, record): a scalar tensor with a gradient, and detached scalars by name",
            got=wrong,
            fix="let a site depend on them, or take them out of model and guide; an objective keeps the value attached"
            if wrong in (_NO_GRADIENT, _NOT_THEIRS)
            else "return ppgen.Loss(value.mean(), {'part': part.detach().mean()})",
            code="S132",
        )


def _mistake(player: Player, loss: Any) -> str:
    if not isinstance(loss, Loss):
        return f"{type(loss).__name__}"
    if (wrong := _not_scalar(loss.value)) or not isinstance(loss.record, Mapping):
        return f"a value that is {wrong}" if wrong else f"a record that is {type(loss.record).__name__}"
    for name, part in loss.record.items():
        if wrong := _not_scalar(part) or ("with a gradient" if part.requires_grad else ""):
            return f"record[{name!r}] {wrong}"
        if name in ("loss", f"{player.name}_loss") and not torch.equal(part, loss.value.detach()):
            return f"record[{name!r}], which is the name of the loss itself"
    if not player.parameters:
        return ""
    if not loss.value.requires_grad:
        return _NO_GRADIENT
    gradients = torch.autograd.grad(loss.value, player.parameters, allow_unused=True)
    if all(gradient is None for gradient in gradients):
        return _NOT_THEIRS
    return ""


def _not_scalar(value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"no tensor, {type(value).__name__}"
    if value.dim() or not value.is_floating_point():
        return f"no scalar, {list(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return ""
