"""NAME=VALUE pairs are data, never code; options that commands share do what they say."""

from __future__ import annotations

from typing import Any

import click
import pytest
import torch
from click.testing import CliRunner

from ppgen.cli.assignments import assignments
from ppgen.cli.options import limit_threads, threads_option
from ppgen.errors import SettingError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16", 16),
        ("-1.5e-3", -1.5e-3),
        ("true", True),
        ("null", None),
        ('"two words"', "two words"),
        ("nonsaturating", "nonsaturating"),
        ("wasserstein-gp", "wasserstein-gp"),
        ("[64, 64]", [64, 64]),
        ('{"a": [1]}', {"a": [1]}),
    ],
)
def test_json_and_bare_words(text: str, value: Any) -> None:
    assert assignments([f"name={text}"]) == {"name": value}


@pytest.mark.parametrize(
    "pair",
    ["name", "=3", "two words=3", "name=", "name=True", "name=None", "name=NaN", "name=Infinity", "name=1+1",
     "name=open('x')", "name=(1, 2)", "name=[1"],
)  # fmt: skip
def test_everything_else_is_refused(pair: str) -> None:
    with pytest.raises(SettingError) as caught:
        assignments([pair])
    assert caught.value.expected
    assert caught.value.fix


def test_pythons_words_are_translated_in_the_fix() -> None:
    with pytest.raises(SettingError, match="--set flag=true"):
        assignments(["flag=True"])


@pytest.mark.parametrize("text", ["8,16", "(8, 16)", "[8, 16"])
def test_a_row_of_numbers_is_told_its_brackets(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        assignments([f"critic={text}"])
    fix = str(caught.value.fix).removeprefix("--set '").removesuffix("'")
    assert assignments([fix]) == {"critic": [8, 16]}


def test_a_name_counts_once() -> None:
    with pytest.raises(SettingError, match="given twice"):
        assignments(["a=1", "a=2"])


@pytest.mark.parametrize(("words", "extra"), [([], 0), (["--threads", str(torch.get_num_threads() + 1)], 1)])
def test_the_number_of_threads_holds_until_the_command_ends(words: list[str], extra: int) -> None:
    before = torch.get_num_threads()

    @click.command()
    @threads_option()
    def count(threads: int | None) -> None:
        limit_threads(threads)
        click.echo(torch.get_num_threads())
        raise ZeroDivisionError

    result = CliRunner().invoke(count, words)
    assert isinstance(result.exception, ZeroDivisionError)
    assert int(result.stdout) == before + extra
    assert torch.get_num_threads() == before
    assert CliRunner().invoke(count, ["--threads", "0"]).exit_code == 2
