"""Accessors: what upper rooms add to an object of a lower room, named in the facade's table."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

__all__ = ["HasAccessors"]


class HasAccessors:
    """A class whose objects have more attributes than it defines: those that ``ppgen.ACCESSORS`` lists for it.

    The table gives for the name of a class the names of attributes, each with ``"module:member"``. The module is
    imported when the attribute is first used: a fit that is never drawn imports no matplotlib. A function becomes a
    method, and a class is called with the object.

    Example:
        >>> import ppgen
        >>> ppgen.ACCESSORS["Fit"]["plot"]
        'ppgen.reporting:FitPlots'
    """

    if not TYPE_CHECKING:  # type checkers know the names that the class declares, and so can tell a misspelt one

        def __getattr__(self, name: str) -> Any:
            """The accessor ``name``; what is found nowhere else is looked for here."""
            place = _table(type(self)).get(name)
            if place is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            module, _, member = place.partition(":")
            found = getattr(importlib.import_module(module), member)
            return found.__get__(self) if inspect.isfunction(found) else found(self)

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *_table(type(self))]


def _table(kind: type) -> dict[str, str]:
    """The accessors of a class and of what it inherits from."""
    known = importlib.import_module("ppgen").ACCESSORS
    return {name: place for base in reversed(kind.__mro__) for name, place in known.get(base.__name__, {}).items()}
