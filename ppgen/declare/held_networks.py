"""The networks that a hand-written program holds: in its closure, its defaults, its globals and its object."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from types import CellType, FunctionType, MethodType
from typing import Any

from torch import nn

__all__ = ["networks_of"]


def networks_of(function: Callable[..., Any]) -> list[nn.Module]:
    """Modules that a program holds: itself, its closure, defaults and globals, the attributes of its object.

    Functions among these are followed, of the globals those of the same file, and so are lists and dictionaries of
    modules. A network that is reached otherwise is one of the program only if ``pyro.module`` says so; without that
    :func:`ppgen.check` refuses its parameters by name.
    """
    seen: dict[int, Any] = {}  # holds what it has seen, so that no id is given twice
    program: Any = function
    waiting: list[Any] = [program if _leads_on(program) else program.__call__]
    while waiting:
        candidate = waiting.pop(0)
        if id(candidate) not in seen:
            seen[id(candidate)] = candidate
            waiting += filter(_leads_on, _held_by(candidate))
    found = [candidate for candidate in seen.values() if isinstance(candidate, nn.Module)]
    parts = {id(part) for module in found for part in list(module.modules())[1:]}
    return [module for module in found if id(module) not in parts]


def _leads_on(candidate: Any) -> bool:
    kinds = (nn.Module, functools.partial, FunctionType, MethodType, list, tuple, Mapping)
    return isinstance(candidate, kinds)


def _held_by(candidate: Any) -> list[Any]:
    """What a candidate holds that may be a network or lead to one."""
    if isinstance(candidate, (list, tuple, Mapping)):
        values = candidate.values() if isinstance(candidate, Mapping) else candidate
        return [value for value in values if isinstance(value, nn.Module)]
    if isinstance(candidate, functools.partial):  # also Pyro's handlers around a program
        return [candidate.func, *candidate.args, *candidate.keywords.values()]
    if isinstance(candidate, MethodType):
        owner = candidate.__self__
        attributes = {} if isinstance(owner, nn.Module) else getattr(owner, "__dict__", {})
        return [owner, candidate.__func__, *attributes.values()]
    if isinstance(candidate, FunctionType):
        defaults = [*(candidate.__defaults__ or ()), *(candidate.__kwdefaults__ or {}).values()]
        cells = candidate.__closure__ or ()
        closed = itertools.chain(*map(_contents, cells))
        return [getattr(candidate, "__wrapped__", None), *defaults, *closed, *_globals_named_by(candidate)]
    return []


def _contents(cell: CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:  # a name that is not assigned yet
        return []


def _globals_named_by(function: FunctionType) -> list[Any]:
    """The globals that a function names; of functions, only those from the same file."""
    try:
        named = inspect.getclosurevars(function).globals.values()
    except ValueError:  # a name of the closure that is not assigned yet
        return []
    here = function.__globals__
    return [value for value in named if not isinstance(value, FunctionType) or value.__globals__ is here]
