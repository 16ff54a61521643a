"""Remedies in the words of the command line: where a text says ``binarize="static"``, a user types --binarize static.

Errors are written once, for Python. What a command has an option for is said by the option; which those are, the
command itself knows, so that a new option needs no line here.
"""

from __future__ import annotations

import re

import click

from ppgen.errors import PpgenError

__all__ = ["error_in_flags", "in_flags"]

_VALUE = r"""(?:"[^"]*"|'[^']*'|[\w.+-]*[\w])"""
_ARGUMENT = re.compile(rf"(?<![\w.])(\w+)=({_VALUE})")
_CALL = re.compile(rf"(?:ppgen\.)?(?:data\.)?(?:load|fit|from_tensors)\((?:[^()=]*, )?((?:\w+={_VALUE}(?:, )?)+)\)")


def in_flags(text: str, command: click.Command) -> str:
    """A text with the arguments that a command has options for as those options.

    Args:
        text: of a remedy.
        command: of the command line.

    Example:
        >>> from ppgen.cli.fit import fit
        >>> in_flags('max_epochs=20, or ppgen.data.load(..., binarize="static")', fit)
        '--epochs 20, or --binarize static'
    """
    options = {option.name: option for option in command.params if isinstance(option, click.Option)}

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


def error_in_flags(error: PpgenError, command: click.Command | None) -> str:
    """The text of an error, its remedy in the words of a command.

    Args:
        error: what was raised.
        command: the one that ran, if one did.
    """
    text = str(error)
    if command is None or not error.fix:
        return text
    return text.replace(f"  fix: {error.fix}", f"  fix: {in_flags(error.fix, command)}")
