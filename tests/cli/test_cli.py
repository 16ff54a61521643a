"""What every command has in common: help, errors as text, exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import ppgen as package
from ppgen.cli import commands
from ppgen.errors import SettingError
from tests.cli.conftest import Ppgen

NAMES = [
    "list",
    "fit",
    "evaluate",
    "compare",
    "sample",
    "complete",
    "translate",
    "traverse",
    "interpolate",
    "arithmetic",
    "outliers",
    "doctor",
    "report",
    "demo",
    "bench",
    "explain",
]


def test_help_lists_the_commands_in_the_order_of_use(ppgen: Ppgen) -> None:
    shown = ppgen("--help").stdout
    assert list(commands.commands) == NAMES
    places = [shown.index(f"\n  {name} ") for name in NAMES]
    assert places == sorted(places)
    assert "..." not in shown.partition("Commands:")[2], "a summary is cut off"


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_teaches_by_examples(ppgen: Ppgen, name: str) -> None:
    result = ppgen(name, "--help")
    assert result.exit_code == 0
    assert f"  ppgen {name}" in result.stdout.partition("Examples:")[2]
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_is(name: str) -> None:
    for parameter in commands.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_the_version_is_the_packages(ppgen: Ppgen) -> None:
    assert ppgen("--version").stdout == f"ppgen {package.__version__}\n"


def test_an_error_of_ppgen_is_text_and_code_2(ppgen: Ppgen) -> None:
    result = ppgen("fit", "vea")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: unknown model 'vea'\n  expected: one of autoencoder")
    assert "fix: did you mean 'vae'?" in result.stderr


@pytest.mark.parametrize("words", [["fit"], ["fti"], ["fit", "vae", "--epoch", "3"], ["list", "modles"]])
def test_a_wrong_word_is_a_usage_error_of_code_2(ppgen: Ppgen, words: list[str]) -> None:
    result = ppgen(*words)
    assert result.exit_code == 2
    assert "Usage: ppgen" in result.stderr


def with_command(behaviour: Callable[[], None]) -> Result:
    group = type(commands)(name="ppgen", commands={"try": click.Command("try", callback=behaviour)})
    return CliRunner().invoke(group, ["try"])


def test_ctrl_c_is_code_130() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    result = with_command(interrupt)
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_whatever_else_is_raised_keeps_its_traceback() -> None:
    def fail() -> None:
        raise ZeroDivisionError("a fault of ours")

    assert isinstance(with_command(fail).exception, ZeroDivisionError)

    def refuse() -> None:
        raise SettingError("what", expected="e", got="g", fix="f")

    result = with_command(refuse)
    assert isinstance(result.exception, SystemExit)
    assert result.stderr == "Error: what\n  expected: e\n  got: g\n  fix: f\n"


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ppgen.cli", "fit", "vea"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "did you mean 'vae'?" in done.stderr


@pytest.mark.parametrize(
    "command",
    ["evaluate", "sample", "complete", "translate", "traverse", "interpolate", "arithmetic", "outliers", "report"],
)
def test_every_command_that_loads_a_run_takes_a_device(ppgen: Ppgen, runs: Path, command: str) -> None:
    result = ppgen(command, runs / "vae", "--device", "tpu9")
    assert result.exit_code == 2
    assert "tpu9" in result.stderr
