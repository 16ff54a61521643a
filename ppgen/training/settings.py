"""Settings of a fit: what they may be, and what they mean for each player."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ppgen.arguments import finite_number, one_of
from ppgen.data import Dataset
from ppgen.errors import SettingError
from ppgen.objectives import Objective, Player, State
from ppgen.objectives.schedules import SCHEDULES
from ppgen.training.optimizers import by_player, check_optimizer
from ppgen.training.rehearsal import verify_players

__all__ = ["Course", "check_patience", "check_settings", "choose_players"]


def check_settings(learning_rate: Any, optimizer: Any, schedule: Any, average: Any, clip_norm: Any) -> None:
    """Refuse arguments of :func:`fit` of which its annotations do not say all.

    Args:
        learning_rate, optimizer, schedule, average, clip_norm: as given to :func:`fit`.

    Raises:
        SettingError: naming the first.
    """
    for rate in [] if learning_rate is None else _each(learning_rate):
        finite_number("fit: learning_rate", rate, above=0, suggested=1e-3)
    for choice in _each(optimizer):
        check_optimizer(choice)
    if schedule is not None:
        known: Any = schedule if callable(schedule) else one_of("fit: schedule", schedule, SCHEDULES)
        Course(known)
    for decay in _each(average):
        if decay is not None:
            finite_number("fit: average", decay, at_least=0, below=1, suggested=0.999)
    if clip_norm is not None:
        finite_number("fit: clip_norm", clip_norm, above=0, suggested=10)


class Course:
    """What the learning rate is multiplied by, given the share of training that is done.

    Args:
        schedule: as given to :func:`fit`; a function of the user's is asked at once for eleven values.

    Raises:
        SettingError: then or later, if the function gives no finite number of at least 0.

    Example:
        >>> Course("cosine").text, Course(lambda done: 1 - done)(0.25)
        ('cosine', 0.75)
    """

    def __init__(self, schedule: str | Callable[[float], float]) -> None:
        self._factor = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
        values = [f"{self(done / 10):g}" for done in range(11)]
        #: For a run folder: the name, or what tells one function from another.
        self.text = schedule if isinstance(schedule, str) else f"a function: {', '.join(values)}"

    def __call__(self, done: float) -> float:
        try:
            factor = self._factor(done)
        except (TypeError, AttributeError) as error:
            raise SettingError(
                "fit: schedule is no function of the share of training done",
                expected="a function from a number in [0, 1] to a factor of the learning rate",
                got=f"{type(self._factor).__name__}: {error}",
                fix="schedule=lambda done: 1.0 - done",
                code="S133",
            ) from error
        return finite_number("fit: schedule", factor, at_least=0, suggested="lambda done: 1.0 - done")


def _each(setting: Any) -> list[Any]:
    """The values of a setting, which may be one for all players or a mapping by player."""
    return list(setting.values()) if isinstance(setting, Mapping) else [setting]


def choose_players(objective: Objective, state: State, average: Any) -> list[Player]:
    """The objective's players, with the moving averages that the user asked for.

    Args:
        objective: of the fit.
        state: made by the objective.
        average: as given to :func:`fit`.

    Raises:
        SettingError: naming a player that there is not.
    """
    players = objective.players(state)
    verify_players(objective, players)
    if average is None:
        return players
    own = {player.name: player.average for player in players}
    decays = own | by_player("fit: average", average, players)
    return [dataclasses.replace(player, average=decays[player.name]) for player in players]


def check_patience(patience: int | None, dataset: Dataset, players: list[Player], *, whole: bool = False) -> None:
    """Refuse early stopping where there is no validation loss to wait for.

    Args:
        patience: as given to :func:`fit`.
        dataset: whose validation split is looked at.
        players: of the objective.
        whole: whether the program runs on all training rows and nothing else.

    Raises:
        SettingError: if the validation split is empty, or the objective's losses are no measure of the fit.
    """
    if patience is None or (dataset.size("valid") and len(players) == 1 and not whole):
        return
    got, fix = f"players {[player.name for player in players]}", "leave patience out"
    if whole:
        got = "a program that is taken whole, at full batch, and cannot be run on other rows"
    elif not dataset.size("valid"):
        got, fix = "an empty validation split", f"{fix}, or ppgen.data.from_tensors(x, valid=0.1)"
    raise SettingError(
        "fit: patience needs a validation loss",
        expected="a validation split, and an objective of one player",
        got=got,
        fix=fix,
        code="S121",
    )
