"""Arguments of a user: checks of numbers and choices, and modules that record what they were made with."""

from __future__ import annotations

import inspect
import math
import numbers
import os
from collections.abc import Collection, Hashable, Mapping
from typing import Any, Self

import numpy as np
from torch import nn

from ppgen.errors import SettingError

__all__ = ["Recorded", "finite_number", "must_fit", "one_of", "physical_memory", "plain", "whole_number"]


def whole_number(
    where: str, value: Any, *, at_least: int = 1, at_most: int | None = None, suggested: object = None
) -> int:
    """A whole number that a user gave, or an error that says which one is meant.

    Args:
        where: whose argument it is, ``"fit: max_epochs"``.
        value: what the user gave.
        at_least: the smallest number that makes sense.
        at_most: the largest; ``None`` for no bound.
        suggested: for the remedy; default: ``at_least``.

    Raises:
        SettingError: if it is no whole number (``True`` is none), too small or too large.

    Example:
        >>> whole_number("ELBO: num_particles", 8)
        8
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)  # numpy's too
    number = int(value) if is_whole else at_least - 1
    if number < at_least or (at_most is not None and number > at_most):
        span = f">= {at_least}" if at_most is None else f"from {at_least} to {at_most}"
        raise _out_of_range(where, f"a whole number {span}", value, at_least if suggested is None else suggested)
    return number


def finite_number(
    where: str,
    value: Any,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    suggested: object,
) -> float:
    """A finite number that a user gave, as a float.

    Args:
        where: whose argument it is, ``"ELBO: beta"``.
        value: what the user gave.
        above: what it must exceed.
        at_least: what it must not fall below.
        below: what it must not reach.
        suggested: for the remedy.

    Raises:
        SettingError: if it is no number (``True`` is none), not finite, too small or too large.

    Example:
        >>> finite_number("ELBO: beta", 4, at_least=0, suggested=1)
        4.0
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)  # numpy's too
    number = float(value) if is_number else math.nan
    if not (math.isfinite(number) and above < number < below and number >= at_least):
        bound = f" > {above:g}" if above > -math.inf else f" >= {at_least:g}" if at_least > -math.inf else ""
        bound += f" and < {below:g}" if below < math.inf else ""
        raise _out_of_range(where, f"a finite number{bound}", value, suggested)
    return number


def must_fit(where: str, count: int, bytes_each: int) -> None:
    """Refuse a number of things that this machine's memory cannot hold, before the work for them begins.

    Args:
        where: whose argument it is, ``"sample: n"``.
        count: what the user gave.
        bytes_each: how much one of them takes in the answer.

    Raises:
        SettingError: naming the largest number that would fit.

    Example:
        >>> must_fit("sample: n", 64, 4 * 28 * 28)
    """
    memory = physical_memory()
    if count * bytes_each > memory:
        name = where.rpartition(": ")[2]
        raise SettingError(
            f"{where} is more than this machine can hold",
            expected=f"at most {memory // bytes_each}: {memory / 2**30:.0f} GiB of memory, {bytes_each} bytes each",
            got=str(count),
            fix=f"{name}={max(1, min(1000, memory // bytes_each))}, and again with another seed for more",
            code="S146",
        )


def physical_memory() -> int:
    """Bytes of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def plain(value: Any) -> Any:
    """A setting with Python's numbers in place of numpy's, which neither generators nor JSON take.

    Args:
        value: a number or anything else; of a mapping, its values.

    Example:
        >>> import numpy as np
        >>> plain({"critic": np.float64(0.5), "generator": 1})
        {'critic': 0.5, 'generator': 1}
    """
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def one_of(where: str, value: Any, known: Collection[Any]) -> Any:
    """A value that a user chose from a list.

    Args:
        where: whose argument it is, ``"fit: schedule"``.
        value: what the user gave.
        known: what there is to choose from; the first stands in the remedy.

    Raises:
        SettingError: if it is not in the list.
    """
    is_one = isinstance(value, Hashable) and value in list(known)  # an array equals nothing as a whole
    if not is_one:
        _, _, name = where.rpartition(": ")
        choices = list(known)
        raise SettingError(
            f"{where.removesuffix(name)}unknown {name} {value!r}",
            expected=" or ".join(map(repr, choices)),
            got=repr(value),
            fix=f"{name}={choices[0]!r}",
            code="S001",
        )
    return value


def _out_of_range(where: str, expected: str, value: Any, suggested: object) -> SettingError:
    name = where.rpartition(": ")[2]
    return SettingError(
        f"{where} is out of range", expected=expected, got=repr(value), fix=f"{name}={suggested}", code="S002"
    )


class Recorded(nn.Module):
    """A module that keeps the arguments it was made with, by name, in ``constructor_arguments``.

    A run folder says by these how to make the module again. Where names cannot tell the arguments (``*args``), or the
    call was a mistake, nothing is kept.

    Example:
        >>> from ppgen.nets import Gaussian, MLP
        >>> Gaussian(MLP(4, 8), 8, 2).constructor_arguments["dim"]
        2
    """

    constructor_arguments: Mapping[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        arguments = _by_name(cls, args, kwargs)
        if arguments is not None:
            # Past nn.Module's own __setattr__: a network among the arguments is no second submodule.
            object.__setattr__(made, "constructor_arguments", arguments)
        return made


def _by_name(cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Constructor arguments by name, or ``None`` where names cannot tell them: ``*args``, or a mistake."""
    try:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        arguments = signature.bind(None, *args, **kwargs).arguments
    except TypeError:
        return None
    named: dict[str, Any] = {}
    for name, value in list(arguments.items())[1:]:
        kind = signature.parameters[name].kind
        if kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
            return None
        named |= value if kind is inspect.Parameter.VAR_KEYWORD else {name: value}
    return named
