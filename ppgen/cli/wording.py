"""Errors of the library in the words of the command line: flags where Python has arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import click

from ppgen.cli.flags import CALLED, fix_in_flags
from ppgen.errors import PpgenError

__all__ = ["in_flags"]


def in_flags(
    error: PpgenError, parameters: Iterable[click.Parameter], commands: Mapping[str, click.Command] | None = None
) -> PpgenError:
    """The same error, with the flag of each argument that it names.

    Args:
        error: whose text begins with an argument (``"fit: max_epochs is out of range"``), or mends one
            (``"max_epochs=20"``).
        parameters: of the command.
        commands: all that there are, by name.

    Example:
        >>> from ppgen.errors import SettingError
        >>> error = SettingError("fit: max_epochs is out of range", fix="max_epochs=20")
        >>> print(in_flags(error, [click.Option(["--epochs", "max_epochs"])]))
        --epochs is out of range
          fix: --epochs 20
    """
    parameters = list(parameters)
    flags = {
        CALLED.get(str(option.name), str(option.name)): max(option.opts, key=len)
        for option in parameters
        if isinstance(option, click.Option)
    }
    what = re.sub(r"^\w+: (\w+)\b(?!:)|^(\w+)(?=[=:])", lambda found: _flag(found, flags), error.what)
    fix = None if error.fix is None else fix_in_flags(error.fix, parameters, commands)
    return type(error)(what, expected=error.expected, got=error.got, fix=fix, code=error.code)


def _flag(found: re.Match[str], flags: Mapping[str, str]) -> str:
    return flags.get(found[1] or found[2], found[0])
