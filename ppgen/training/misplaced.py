"""Misplaced arguments of ``fit``: an error that carries the call as it should have been written."""

from __future__ import annotations

import difflib
import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from torch import nn

from ppgen.declare import Guide, Model, Program
from ppgen.errors import SettingError
from ppgen.guides import DerivedGuide
from ppgen.objectives import Objective

__all__ = ["explain_misplaced"]

F = TypeVar("F", bound=Callable[..., Any])

SHORT = (bool, int, float, type(None))
# What other libraries call the arguments of fit, where the names are not alike.
ELSEWHERE = {
    "lr": "learning_rate",
    "step_size": "learning_rate",
    "opt": "optimizer",
    "optim": "optimizer",
    "bs": "batch_size",
    "batch": "batch_size",
    "epochs": "max_epochs",
    "num_epochs": "max_epochs",
    "n_epochs": "max_epochs",
    "scheduler": "schedule",
    "lr_scheduler": "schedule",
    "ema": "average",
    "loss": "objective",
    "random_state": "seed",
    "rng_seed": "seed",
    "early_stopping": "patience",
    "grad_clip": "clip_norm",
    "gradient_clip_val": "clip_norm",
    "verbose": "progress",
    "folder": "out",
    "path": "out",
    "x": "data",
    "dataset": "data",
    "train_data": "data",
}


def explain_misplaced(function: F) -> F:
    """Refuse calls whose arguments stand in the wrong place, before Python does so in words of its own.

    The first argument is a model, the second its data, and all others are named. The signature stays the function's.

    Args:
        function: ``fit(model, data, *, guide=None, objective=None, ...)``.

    Returns:
        The function, which raises :class:`~ppgen.errors.SettingError` for data that are missing, for a guide or an
        objective without its name, and for a name that it does not know.

    Example:
        >>> @explain_misplaced
        ... def fit(model, data, *, guide=None, objective=None): ...
        >>> fit("a model")
        Traceback (most recent call last):
            ...
        ppgen.errors.SettingError: fit: there are no data
          expected: data in second place: a name, a tensor, an array, a dictionary by site, a Dataset or a folder
          got: a model alone
          fix: ppgen.fit(model, data)
          more: ppgen explain ...
    """
    names = [*inspect.signature(function).parameters]

    @functools.wraps(function)
    def checked(*places: Any, **named: Any) -> Any:
        error = _find_mistake(places, named, names)
        if error is not None:
            raise error
        return function(*places, **named)

    return checked  # type: ignore[return-value]  # it has the function's signature


def _find_mistake(places: Sequence[Any], named: Mapping[str, Any], names: Sequence[str]) -> SettingError | None:
    """What is wrong with the places of a call's arguments, or ``None``."""
    values = [*places[1:], *([named["data"]] if "data" in named else [])]
    others = {name: value for name, value in named.items() if name not in ("model", "data")}
    roles = [_role(value) for value in values]
    if bool(places) == ("model" in named) or "a model" in roles:
        return SettingError(
            "fit: the model is not in first place",
            expected="a model, its data, and all that follows by name",
            got=", ".join([_role(value) for value in places] + [f"{name}=..." for name in named]) or "nothing",
            fix="ppgen.fit(model, data)",
            code="S113",
        )
    if all(value is None for value in values):
        return SettingError(
            "fit: there are no data",
            expected="data in second place: a name, a tensor, an array, a dictionary by site, a Dataset or a folder",
            got="data=None" if values else "a model alone",
            fix=_call([], others),
            code="S114",
        )
    if roles != ["data"]:
        wrong = next((role for role in roles if role != "data"), "a third argument")
        return SettingError(
            f"fit: {wrong} in {'second' if roles[0] == wrong else 'third'} place",
            expected="a model, its data, and all that follows by name",
            got=", ".join(["a model", *_told(values, roles)]),
            fix=_call(values, others),
            code="S115",
        )
    for name in others:
        if name not in names:
            known = [ELSEWHERE[name]] if ELSEWHERE.get(name) in names else []
            near = known or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            return SettingError(
                f"fit: no argument is called {name!r}",
                expected=", ".join(names),
                got=f"{name}={_text(others[name], '...')}",
                fix=f"{near[0]}={_text(others[name], '...')}" if near else f"leave {name} out",
                code="S116",
            )
    return None


def _role(value: Any) -> str:
    """What a value can only be, whatever its place."""
    kind = value if isinstance(value, type) else type(value)
    for role, kinds in (("a model", (Model, Program)), ("an objective", Objective), ("a guide", (Guide, nn.Module))):
        if issubclass(kind, kinds):
            return role
    return "no guide" if value is None else "a guide" if callable(value) else "data"


def _told(values: Sequence[Any], roles: Sequence[str]) -> list[str]:
    """The roles of values in words; second data are none, so that they are shown as they are."""
    return [
        _text(value, f"a {type(value).__name__}") if role in roles[:place] else role
        for place, (value, role) in enumerate(zip(values, roles, strict=True))
    ]


def _call(values: Sequence[Any], others: Mapping[str, Any]) -> str:
    """The call as it should be written, as far as it can be told from the values."""
    words: dict[str, str] = {}
    for value in values:
        role = _role(value)
        if role == "data":
            words.setdefault("data", _text(value, "data"))
        elif role == "a guide":
            words["guide"] = "guide=" + _made(value, "model" if _is_derived(value) else "...")
        elif role == "an objective":
            words["objective"] = "objective=" + _made(value, "...")
    for name, value in others.items():
        words[name] = f"{name}={_text(value, name)}"
    data = words.pop("data", "data")
    return f"ppgen.fit({', '.join(['model', data, *words.values()])})"


def _is_derived(value: Any) -> bool:
    return issubclass(value if isinstance(value, type) else type(value), DerivedGuide)


def _made(value: Any, arguments: str) -> str:
    """A class or what it made as the call that makes it; a function by its name."""
    if inspect.isfunction(value):
        return value.__name__
    return f"{value.__name__ if isinstance(value, type) else type(value).__name__}({arguments})"


def _text(value: Any, otherwise: str) -> str:
    """A number or a word as it is typed; for what is longer, what stands for it."""
    return json.dumps(value) if isinstance(value, str) else repr(value) if isinstance(value, SHORT) else otherwise
