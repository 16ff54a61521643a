"""Remedies in the words of the command line: where a text says ``binarize="static"``, a user types --binarize static.

Errors are written once, for Python. What a command has an option for is said by the option; which those are, the
commands themselves know, so that a new option needs no line here. What is to be done by another command is said with
that command's name: an order of pixels is chosen by ``ppgen fit``, though ``ppgen complete`` misses it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import click

from ppgen.cli.list import summaries

__all__ = ["CALLED", "fix_in_flags"]

CALLED = {
    "number": "n",
    "steps": "num_steps",
    "labels_per_class": "per_class",
    "quadrants": "observed",
    "paired": "task",
    "attributes": "columns",
}
"""What the library calls an option's argument, where the two are not alike."""

_PART_OF = {"load": "fit", "from_tensors": "fit"}
"""Functions of the library that are no commands, each with the command that calls it."""

_NAMED = r"""ppgen\.(?:guides\.|objectives\.)?[A-Z]\w*\([^()]*\)"""
_VALUE = rf"""(?:"[^"]*"|'[^']*'|\[[^\[\]{{}}=]*\]|{_NAMED}|\.\.\.|[\w.+-]*\w)"""
_ARGUMENT = re.compile(rf"(?<![\w.])(?<!--set )(?<!--set-guide )(?<!--set-objective )(\w+)=({_VALUE})(?![\w(]|[.+-]\w)")
_CALL = rf"(?:ppgen\.)?(?:data\.)?(load|fit|from_tensors|evaluate)\((?:[^()=]*, )?((?:\w+={_VALUE}(?:, )?)+)\)"
_REMEDY = re.compile(rf"{_CALL}|{_ARGUMENT.pattern}")

Options = Mapping[str, click.Option]


def fix_in_flags(
    text: str, parameters: Iterable[click.Parameter], commands: Mapping[str, click.Command] | None = None
) -> str:
    """A text with the arguments that a command has options for as those options.

    Args:
        text: of a remedy.
        parameters: of the command that was called.
        commands: all that there are, by name; what the one that was called has no option for, another may have.

    Example:
        >>> from ppgen.cli import commands
        >>> fit, complete = commands.commands["fit"], commands.commands["complete"]
        >>> fix_in_flags('max_epochs=20, or ppgen.data.load(..., binarize="static")', fit.params)
        '--epochs 20, or --binarize static'
        >>> fix_in_flags('a model of order="left-right"', complete.params, commands.commands)
        'a model of ppgen fit --order left-right'
    """
    own = _options(parameters)
    others = {name: _options(command.params) for name, command in (commands or {}).items()}

    def in_words(found: re.Match[str]) -> str:
        function, inside, name, value = found.groups()
        named = _ARGUMENT.findall(inside) if function else [(name, value)]
        command = _PART_OF.get(function, function) if function else "fit"
        for options, prefix in ((own, ""), (others.get(command, {}), f"ppgen {command} ")):
            words = [_as_option(options, *pair) for pair in named]
            if all(words):
                return prefix + " ".join(map(str, words))
        return found[0]

    return _REMEDY.sub(in_words, text)


def _options(parameters: Iterable[click.Parameter]) -> Options:
    known = {str(option.name): option for option in parameters if isinstance(option, click.Option)}
    return {CALLED.get(name, name): option for name, option in known.items()}


def _as_option(options: Options, name: str, text: str) -> str | None:
    """An argument as a command's option; ``None`` if it has none for it."""
    option, value = options.get(name), text.strip("\"'")
    if option is None:
        is_setting = "objective_settings" in options and name in _objective_settings() and "[" not in value
        return f"{options['objective_settings'].opts[-1]} {name}={value}" if is_setting else None
    flag = option.opts[-1]
    if option.is_flag:
        return flag if value == "True" else f"no {flag}"
    if value.startswith("ppgen."):
        return _of_class(options, name, value)
    if value.startswith("["):
        each = [item.strip(" \"'") for item in value.strip("[]").split(",")]
        return " ".join(f"{flag} {item}" for item in each) if option.multiple else None
    return f"{flag} {'none' if value == 'None' else value}"


def _of_class(options: Options, name: str, value: str) -> str | None:
    """``--objective elbo --beta 4.0`` for ``objective=ppgen.ELBO(beta=4.0)``."""
    path, _, inside = value.rstrip(")").partition("(")
    settings = [_as_option(options, *pair) for pair in _ARGUMENT.findall(inside)]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", path.rpartition(".")[2]).lower()
    return None if None in settings else " ".join([f"{options[name].opts[-1]} {words}", *map(str, settings)])


def _objective_settings() -> set[str]:
    """What the objectives' constructors take."""
    import ppgen.objectives

    makers: list[Any] = [getattr(ppgen.objectives, name) for name in summaries("objectives")]
    return {name for maker in makers for name in inspect.signature(maker).parameters}
