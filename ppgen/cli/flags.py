"""Remedies in the words of the command line: where a text says ``binarize="static"``, a user types --binarize static.

Errors are written once, for Python. What a command has an option for is said by the option; which those are, the
command itself knows, so that a new option needs no line here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

__all__ = ["CALLED", "fix_in_flags"]

CALLED = {
    "number": "n",
    "labels_per_class": "per_class",
    "quadrants": "observed",
    "paired": "task",
    "attributes": "columns",
}
"""What the library calls an option's argument, where the two are not alike."""

_VALUE = r"""(?:"[^"]*"|'[^']*'|[\w.+-]*[\w])"""
_ARGUMENT = re.compile(rf"(?<![\w.])(\w+)=({_VALUE})")
_CALL = re.compile(rf"(?:ppgen\.)?(?:data\.)?(?:load|fit|from_tensors)\((?:[^()=]*, )?((?:\w+={_VALUE}(?:, )?)+)\)")


def fix_in_flags(text: str, parameters: Iterable[click.Parameter]) -> str:
    """A text with the arguments that a command has options for as those options.

    Args:
        text: of a remedy.
        parameters: of the command.

    Example:
        >>> from ppgen.cli.fit import fit
        >>> fix_in_flags('max_epochs=20, or ppgen.data.load(..., binarize="static")', fit.params)
        '--epochs 20, or --binarize static'
    """
    known = {str(option.name): option for option in parameters if isinstance(option, click.Option)}
    options = {CALLED.get(name, name): option for name, option in known.items()}

    def as_option(found: re.Match[str]) -> str:
        name, value = found[1], found[2].strip("\"'")
        option = options.get(name)
        if option is None:
            return found[0]
        if option.is_flag:
            return option.opts[-1] if value == "True" else f"no {option.opts[-1]}"
        return f"{option.opts[-1]} {'none' if value == 'None' else value}"

    def unwrapped(found: re.Match[str]) -> str:
        named = _ARGUMENT.findall(found[1])
        is_ours = all(name in options for name, _ in named)
        return " ".join(f"{name}={value}" for name, value in named) if is_ours else found[0]

    return _ARGUMENT.sub(as_option, _CALL.sub(unwrapped, text))
