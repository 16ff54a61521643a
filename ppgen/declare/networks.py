"""Find the networks that a Python function uses."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from pyro.poutine.messenger import unwrap
from torch import nn

__all__ = ["networks_of", "signature_of"]


def signature_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Arguments of a function, or of a module's ``forward``, seen through Pyro's handlers."""
    inner = unwrap(function)
    return dict(inspect.signature(inner.forward if isinstance(inner, nn.Module) else inner).parameters)


def networks_of(function: Callable[..., Any]) -> list[nn.Module]:
    """Modules that a program reaches: itself, the object that it is bound to, its closure, defaults and globals.

    Functions of the same file that it names are followed too, and so are lists and dictionaries of modules. What
    hides deeper is no harm: a parameter that takes part without being found is an error of :func:`ppgen.check`.
    """
    found: dict[int, nn.Module] = {}
    seen: dict[int, Any] = {}  # holds what it has seen, so that no id is given twice
    waiting: list[Any] = [function]
    while waiting:
        candidate = waiting.pop(0)
        if id(candidate) in seen:
            continue
        seen[id(candidate)] = candidate
        if isinstance(candidate, nn.Module):
            found[id(candidate)] = candidate
        else:
            waiting += _within(candidate, is_program=candidate is function)
    parts = {id(part) for module in found.values() for part in list(module.modules())[1:]}
    return [module for key, module in found.items() if key not in parts]


def _within(candidate: Any, is_program: bool) -> list[Any]:
    """What a candidate holds that is a network or leads to one."""
    if isinstance(candidate, (list, tuple, Mapping)):
        values = candidate.values() if isinstance(candidate, Mapping) else candidate
        return [value for value in values if isinstance(value, nn.Module)]
    if isinstance(candidate, functools.partial):  # also Pyro's handlers around a program
        return [candidate.func, *candidate.args, *candidate.keywords.values()]
    if inspect.ismethod(candidate):
        owner = candidate.__self__
        return [owner, candidate.__func__, *([] if isinstance(owner, nn.Module) else vars(owner).values())]
    if isinstance(candidate, FunctionType):
        return list(_named_in(candidate))
    return [candidate.__call__] if is_program else []


def _named_in(function: FunctionType) -> Iterator[Any]:
    """Values of a function's closure, defaults and globals; of functions, only those from the same file."""
    values: list[Any] = [getattr(function, "__wrapped__", None), *(function.__defaults__ or ())]
    values += (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # a name that is not assigned yet
            continue
    values += [function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__]
    for value in values:
        if not isinstance(value, FunctionType) or value.__globals__ is function.__globals__:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):  # lambdas, inner functions and comprehensions
            yield from _names(constant)
