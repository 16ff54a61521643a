"""The command line has no default of its own for what `ppgen.fit` decides."""

from __future__ import annotations

import inspect
from pathlib import Path

import click
import pytest

import ppgen
from ppgen.cli import commands
from ppgen.cli.defaults import FIT_DEFAULTS, defaults_of
from ppgen.cli.fit import fit


def test_defaults_are_those_of_the_signature() -> None:
    parameters = inspect.signature(ppgen.fit).parameters.values()
    assert {p.name: p.default for p in parameters if p.default is not p.empty} == FIT_DEFAULTS


def test_positional_and_named_arguments_are_read(tmp_path: Path) -> None:
    (tmp_path / "some.py").write_text("def f(a, b=1, /, c=(2,), *, d, e=None): ...\n")
    assert defaults_of(tmp_path / "some.py", "f") == {"b": 1, "c": (2,), "e": None}


def test_help_shows_them_and_only_what_a_user_gives_reaches_fit() -> None:
    settings = {"max_epochs", "batch_size", "learning_rate", "schedule", "patience", "clip_norm"}
    options = {option.name: option for option in fit.params if option.name in settings}
    assert set(options) == settings
    untouched = fit.make_context("fit", ["vae"]).params
    for name, option in options.items():
        assert untouched[name] is None
        if FIT_DEFAULTS[name] is not None:
            assert f"else {FIT_DEFAULTS[name]}]" in str(getattr(option, "help", ""))


@pytest.mark.parametrize("name", list(commands.commands))
def test_help_says_what_each_option_is_by_default(name: str) -> None:
    command = commands.commands[name]
    context = click.Context(command)
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_flag and option.opts != ["--help"]:
            _, told = option.get_help_record(context) or ("", "")
            assert "default: " in told or "(needed)" in told, f"ppgen {name} {option.opts[0]}"
