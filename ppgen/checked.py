"""Arguments of public calls, checked by what the signature says of them: one law for each kind of annotation."""

from __future__ import annotations

import functools
import inspect
import math
import numbers
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np
import torch
from torch import nn

from ppgen.arguments import finite_number, one_of, whole_number
from ppgen.errors import SettingError

__all__ = ["checked"]

F = TypeVar("F", bound=Callable[..., Any])

_SIZE = 2**20  # the largest width or number of classes: a layer of it has gigabytes
_VALUES = 2**26  # in one event
_MANY = 1000  # layers, or axes
_COUNT = 2**31 - 1  # draws, rows, steps
_SEED = 2**63 - 1  # what every generator of torch takes


class Argument(NamedTuple):
    """One argument of a call: its annotation without ``None``, its default, whether it makes networks, and whose."""

    name: str
    kind: str
    default: Any
    makes_networks: bool
    owner: str = ""

    @property
    def where(self) -> str:
        """For an error: ``"sample: n"``."""
        return f"{self.owner}: {self.name}"

    def refuse(self, expected: str, value: Any, fix: object) -> SettingError:
        """The error of a value that is not of this kind."""
        return SettingError(
            f"{self.where} is not what it should be",
            expected=expected,
            got=_shown(value),
            fix=f"{self.name}={fix}",
            code="S147",
        )


@overload
def checked(function: F, /) -> F: ...
@overload
def checked(**suggested: object) -> Callable[[F], F]: ...
def checked(function: Callable[..., Any] | None = None, /, **suggested: object) -> Callable[..., Any]:
    """Refuse arguments that are not what the function's annotations say, before anything is done with them.

    ``int`` is a whole number: at least 1, or 0 where that is the default; a size where it makes a network, else a
    count; ``seed`` is what a generator takes. ``float`` is finite; where it makes a network, it is a scale, and above
    0, or 0 where that is the default. ``bool``, ``str``, ``Literal``, paths, devices, modules, callables, mappings and
    sequences are themselves. What has another annotation is the function's own to check. Arguments that are missing or
    unknown are named too.

    Args:
        function: whose annotations are text (``from __future__ import annotations``); of a class, its public methods.
        suggested: values by argument for the remedies of those whose default is ``None``: ``@checked(max_epochs=20)``.

    Returns:
        The function with the same signature, which raises :class:`~ppgen.errors.SettingError`.

    Example:
        >>> @checked
        ... def draw(n: int, *, seed: int = 0) -> int:
        ...     return n
        >>> draw(2.5)
        Traceback (most recent call last):
            ...
        ppgen.errors.SettingError: draw: n is out of range
          expected: a whole number from 1 to 2147483647
          got: 2.5
          fix: n=1
          more: ppgen explain S002
    """
    if function is None:
        return functools.partial(_checked, suggested=suggested)
    return _checked(function, suggested)


def _checked(function: Callable[..., Any], suggested: Mapping[str, object]) -> Callable[..., Any]:
    if isinstance(function, type):
        for name, member in list(vars(function).items()):
            if inspect.isfunction(member) and not name.startswith("_"):
                setattr(function, name, _checked(member, {}))
        return function
    signature = inspect.signature(function)
    own = function.__name__
    is_maker = own == "__init__"
    names = [name for name in signature.parameters if name != "self"]
    laws = {}
    for name, parameter in signature.parameters.items():
        kind = str(parameter.annotation)
        law = _law(kind.removesuffix(" | None"))
        if law is not None:
            default = suggested.get(name) if parameter.default in (None, parameter.empty) else parameter.default
            laws[name] = law, Argument(name, kind.removesuffix(" | None"), default, is_maker), kind.endswith(" | None")

    @functools.wraps(function)
    def verified(*args: Any, **kwargs: Any) -> Any:
        label = type(args[0]).__name__ if is_maker else own
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            values = [_shown(value) for value in args[len(signature.parameters) - len(names) :]]
            raise SettingError(
                f"{label}: {error}",
                expected=f"{label}({', '.join(names)})",
                got=", ".join([*values, *(f"{name}=..." for name in kwargs)]) or "no arguments",
                fix=f"{label}({', '.join(f'{name}=...' for name in _required(signature))})",
                code="S148",
            ) from error
        for name, (law, argument, is_optional) in laws.items():
            if name in given.arguments and not (is_optional and given.arguments[name] is None):
                law(argument._replace(owner=label), given.arguments[name])
        return function(*args, **kwargs)

    return verified


def _required(signature: inspect.Signature) -> list[str]:
    """Arguments without which there is no call."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    every = signature.parameters.values()
    return [p.name for p in every if p.default is p.empty and p.kind not in variable and p.name != "self"]


def _law(kind: str) -> Callable[[Argument, Any], object] | None:
    """What verifies values of a kind; ``None`` for kinds without a law."""
    if kind in _LAWS:
        return _LAWS[kind]
    head = re.match(r"\w+", kind)
    return _FAMILIES.get(head[0]) if head and "|" not in _without_items(kind) else None


def _without_items(kind: str) -> str:
    """An annotation without what stands in brackets: ``"Sequence | Mapping"`` of ``"Sequence[A] | Mapping[B, C]"``."""
    while (less := re.sub(r"\[[^\[\]]*\]", "", kind)) != kind:
        kind = less
    return kind


def _whole(of: Argument, value: Any) -> None:
    most = _SEED if of.name == "seed" else _SIZE if of.makes_networks else _COUNT
    least = 0 if of.name == "seed" or (isinstance(of.default, int) and of.default <= 0) else 1
    whole_number(of.where, value, at_least=least, at_most=most, suggested=least if of.default is None else of.default)


def _number(of: Argument, value: Any) -> None:
    may_be_zero = of.default == 0
    finite_number(
        of.where,
        value,
        above=0 if of.makes_networks and not may_be_zero else -math.inf,
        at_least=0 if of.makes_networks and may_be_zero else -math.inf,
        suggested=1.0 if of.default is None else of.default,
    )


def _sizes(of: Argument, value: Any) -> None:
    """Whole numbers one after the other, as many as a tuple's annotation has."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    is_list = is_list or (isinstance(value, np.ndarray) and value.ndim == 1)
    items = list(value) if is_list and len(value) <= _MANY else [None]
    length = of.kind.count("int") if of.kind.startswith("tuple") and "..." not in of.kind else len(items)
    sizes = [int(item) for item in items if isinstance(item, numbers.Integral) and not isinstance(item, bool)]
    fits = all(0 < size <= _SIZE for size in sizes) and ("shape" not in of.name or math.prod(sizes) <= _VALUES)
    if len(sizes) != len(items) or len(items) != length or not fits:
        many = f"{length} whole numbers" if of.kind.startswith("tuple") else f"at most {_MANY} whole numbers in a list"
        bound = f" and at most {_VALUES} together" if "shape" in of.name else ""
        example = (1, 28, 28) if "shape" in of.name and "tuple" not in of.kind else (64, 32)
        raise of.refuse(f"{many}, each from 1 to {_SIZE}{bound}", value, of.default or example)


def _each(of: Argument, value: Any) -> None:
    """The items of a sequence, if they have a law."""
    inner = of.kind.partition("[")[2].removesuffix("]")
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise of.refuse(f"a list, of {inner} each", value, "[...]")
    law = _law(inner)
    for place, item in enumerate(value if law else ()):
        law(of._replace(name=f"{of.name}[{place}]", kind=inner, default=None), item)  # type: ignore[misc]


def _truth(of: Argument, value: Any) -> None:
    if not isinstance(value, bool | np.bool_):
        raise of.refuse("True or False", value, of.default)


def _text(of: Argument, value: Any) -> None:
    if not isinstance(value, str):
        raise of.refuse("text", value, '"..."' if of.default is None else repr(of.default))


def _path(of: Argument, value: Any) -> None:
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else ""
    parts = text.split(os.sep) if isinstance(text, str) else [""]
    if not text or "\0" in text or max(len(os.fsencode(part)) for part in parts) > 255 or len(text) > 4000:
        raise of.refuse("a path that a file system takes", value, f'"{of.default or "runs/name"}"')


def _device(of: Argument, value: Any) -> None:
    if not isinstance(value, str | torch.device):
        raise of.refuse("'auto', 'cpu', 'cuda' or 'cuda:1'", value, '"auto"')


def _choice(of: Argument, value: Any) -> None:
    one_of(of.where, value, re.findall(r"[\"']([^\"']*)[\"']", of.kind))


def _callable(of: Argument, value: Any) -> None:
    if not callable(value):
        raise of.refuse("a function, or a class", value, getattr(of.default, "__name__", "a function"))


def _module(of: Argument, value: Any) -> None:
    if not isinstance(value, nn.Module):
        raise of.refuse("a torch.nn.Module", value, "ppgen.nets.MLP(...)")


def _data_set(of: Argument, value: Any) -> None:
    # By its name, since data lie on a higher floor.
    if not any(base.__name__ == "Dataset" and base.__module__.startswith("ppgen.") for base in type(value).__mro__):
        raise of.refuse("a ppgen.data.Dataset", value, "ppgen.data.as_dataset(...)")


def _mapping(of: Argument, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise of.refuse("a dictionary", value, "{...}")


_LAWS: Mapping[str, Callable[[Argument, Any], object]] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "str": _text,
    "str | os.PathLike[str]": _path,
    "Path | str": _path,
    "str | torch.device": _device,
    "nn.Module": _module,
    "Sequence[int]": _sizes,
    "Dataset": _data_set,
}
_FAMILIES: Mapping[str, Callable[[Argument, Any], object]] = {
    "tuple": _sizes,
    "Literal": _choice,
    "Callable": _callable,
    "Mapping": _mapping,
    "Sequence": _each,
}


def _shown(value: Any) -> str:
    """A value as an error shows it: what it is, where its own text is long or cannot be made."""
    try:
        text = repr(value)
    except Exception:  # an object of the user's that cannot say what it is
        text = ""
    return text if 0 < len(text) <= 80 else f"a {type(value).__name__}"
