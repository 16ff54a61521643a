"""Optimizers: those of ``torch.optim`` beside ppgen's Adam, and which one moves each player."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ppgen.arguments import one_of
from ppgen.errors import SettingError
from ppgen.objectives import Player
from ppgen.training.adam import Adam
from ppgen.training.muon import Muon

__all__ = [
    "OPTIMIZERS",
    "Adam",
    "Choice",
    "Optimizer",
    "by_player",
    "check_optimizer",
    "described",
    "make_optimizer",
]

Choice = str | Callable[..., torch.optim.Optimizer]
"""A name in ``OPTIMIZERS``, or what makes a torch optimizer: ``functools.partial(torch.optim.SGD, momentum=0.9)``."""

_NEEDS_MORE = {"LBFGS", "Optimizer", "SparseAdam"}  # a closure, nothing at all, sparse gradients

OPTIMIZERS: Mapping[str, type[torch.optim.Optimizer]] = {
    name.lower(): found
    for name, found in sorted(vars(torch.optim).items(), key=lambda item: (item[0] != "Adam", item[0]))
    if isinstance(found, type) and issubclass(found, torch.optim.Optimizer) and name not in _NEEDS_MORE
} | {"muon": Muon}
"""All of ``torch.optim`` that take a step from dense gradients alone, by their names in small letters; ``"muon"`` is
:class:`ppgen.training.Muon`, since torch's moves nothing but matrices."""


class Optimizer(Protocol):
    """What a training step asks of an optimizer.

    ``can_skip`` tells whether it looks at ``skip`` on the device, so that the host need not wait for it.
    """

    can_skip: bool

    def scale(self, factor: float) -> None:
        """Set the learning rate to the one of the start times a factor."""

    def step(self, skip: Tensor | None = None) -> None:
        """Move the parameters by their ``grad``."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        raise NotImplementedError("an optimizer has a state")

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""


class TorchOptimizer:
    """An optimizer of ``torch.optim``, or one with its interface.

    Args:
        made: over the parameters of a player; its groups may have learning rates of their own.
    """

    can_skip = False

    def __init__(self, made: torch.optim.Optimizer) -> None:
        self.made = made
        self._initial_rates = [group["lr"] for group in made.param_groups]

    def scale(self, factor: float) -> None:
        """Set the learning rates to those of the start times a factor."""
        for group, rate in zip(self.made.param_groups, self._initial_rates, strict=True):
            group["lr"] = rate * factor

    def step(self, skip: Tensor | None = None) -> None:
        """Move the parameters by one step.

        Args:
            skip: never given, since :attr:`can_skip` is ``False``.
        """
        self.made.step()

    def state(self) -> dict[str, Any]:
        """What torch keeps of it."""
        return self.made.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        self.made.load_state_dict(state)


def make_optimizer(choice: Choice, player: Player, learning_rate: float) -> Optimizer:
    """The optimizer of a player.

    Args:
        choice: a name, or what makes one of ``(parameters, lr=learning_rate)``.
        player: whose parameters it moves, and whose settings a named one takes.
        learning_rate: at the start.

    Raises:
        SettingError: if what was given makes no optimizer of these parameters.
    """
    if choice == "adam":
        return Adam(player.parameters, learning_rate, **player.optimizer)
    if isinstance(choice, str):
        kind = OPTIMIZERS[choice]
        taken = inspect.signature(kind).parameters
        choice = functools.partial(kind, **{key: x for key, x in player.optimizer.items() if key in taken})
    if isinstance(choice, functools.partial) and "lr" in choice.keywords:
        raise SettingError(
            "fit: the optimizer has a learning rate of its own, which that of the fit would replace",
            expected="learning_rate, which the schedule acts on",
            got=f"lr={choice.keywords['lr']!r}",
            fix=f"learning_rate={choice.keywords['lr']!r}, and no lr in the optimizer",
            code="S129",
        )
    try:
        made = choice(player.parameters, lr=learning_rate)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _no_optimizer(choice, player, f"{type(error).__name__}: {error}") from error
    if not isinstance(made, torch.optim.Optimizer) or isinstance(made, torch.optim.LBFGS):
        raise _no_optimizer(choice, player, type(made).__name__)
    moved = {id(parameter) for group in made.param_groups for parameter in group["params"]}
    if moved != {id(parameter) for parameter in player.parameters}:
        raise _no_optimizer(choice, player, "one of other parameters than those it was given")
    return TorchOptimizer(made)


def _name(choice: Any) -> str:
    """What a choice is called in a message."""
    if isinstance(choice, functools.partial):
        return _name(choice.func)
    return choice if isinstance(choice, str) else getattr(choice, "__name__", type(choice).__name__)


def _no_optimizer(choice: Any, player: Player, got: str) -> SettingError:
    return SettingError(
        f"fit: {_name(choice)} makes no optimizer for player {player.name!r}",
        expected="a function of (parameters, lr) that gives a torch.optim.Optimizer which needs no closure",
        got=got,
        fix='optimizer="adamw", or functools.partial(torch.optim.SGD, momentum=0.9)',
        code="S117",
    )


def check_optimizer(choice: Any) -> None:
    """Refuse what names no optimizer and can make none.

    Raises:
        SettingError: with the names that there are.
    """
    if isinstance(choice, str):
        one_of("fit: optimizer", choice, OPTIMIZERS)
    elif not callable(choice) or isinstance(choice, (torch.optim.Optimizer, nn.Module)):
        raise SettingError(
            "fit: this is no optimizer that could be made for a player's parameters",
            expected=f"one of {', '.join(OPTIMIZERS)}, or a function of (parameters, lr)",
            got=type(choice).__name__,
            fix="optimizer=functools.partial(torch.optim.SGD, momentum=0.9)",
            code="S118",
        )


def described(choice: Any, made: Mapping[str, Optimizer]) -> Any:
    """A choice of optimizers as plain data for a run folder: names, and what a function made in the place of a name.

    Two functions that make different optimizers must not look alike, or a run could be taken up with another one.

    Args:
        choice: as given to ``fit``.
        made: the optimizers of it, by player.

    Example:
        >>> choice = functools.partial(torch.optim.SGD, momentum=0.9)
        >>> described(choice, {"elbo": make_optimizer(choice, Player("elbo", [nn.Linear(1, 1)]), 0.1)})
        'SGD(momentum=0.9)'
    """
    if isinstance(choice, Mapping):
        return {
            player: described(one, {player: made[player]} if player in made else {}) for player, one in choice.items()
        }
    if isinstance(choice, str):
        return choice
    kinds = {_kind(one.made) for one in made.values() if isinstance(one, TorchOptimizer)}
    return " or ".join(sorted(kinds))


def _kind(made: torch.optim.Optimizer) -> str:
    """The class of an optimizer, and its settings where they are not the usual ones."""
    usual = inspect.signature(type(made)).parameters
    changed = {key: x for key, x in made.defaults.items() if key != "lr" and key in usual and x != usual[key].default}
    return type(made).__name__ + (f"({', '.join(f'{key}={x}' for key, x in changed.items())})" if changed else "")


def by_player(where: str, value: Any, players: Sequence[Player]) -> dict[str, Any]:
    """A setting for each player, but for those that a mapping leaves out.

    Args:
        where: whose argument it is, ``"fit: learning_rate"``.
        value: one for all, or a mapping by player.
        players: of the objective.

    Raises:
        SettingError: naming a key that is no player.
    """
    names = [player.name for player in players]
    if not isinstance(value, Mapping):
        return dict.fromkeys(names, value)
    if strange := [key for key in value if key not in names]:
        raise SettingError(
            f"{where}: there is no player {strange[0]!r}",
            expected=f"players of the objective: {', '.join(names)}",
            got=", ".join(map(str, value)),
            fix=f"{where.rpartition(': ')[2]}={{{names[0]!r}: ...}}",
            code="S119",
        )
    return dict(value)
