"""Every option of every command given odd text: an answer, or one error text in the words of the command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ppgen.cli import commands
from ppgen.cli.wording import in_flags
from ppgen.errors import SettingError

ODD = (
    "-1",
    "0",
    "nan",
    "inf",
    "2.5",
    "",
    "abc",
    "9" * 23,
    "cuda:99",
    "/nonexistent/x",
    "/etc/hostname",
    "a\udcff",
    "=1",
)
BEFORE = {"fit": ["vae", "--data", "nothing"], "sample": ["nowhere"], "evaluate": ["nowhere"], "compare": ["nowhere"]}
BEFORE |= {
    "outliers": ["nowhere"],
    "doctor": ["nowhere"],
    "report": ["nowhere"],
    "explain": ["S001"],
    "list": ["models"],
}


def options() -> list[tuple[str, str]]:
    every = ((name, option) for name in BEFORE for option in commands.commands[name].params)
    return [
        (name, max(option.opts, key=len))
        for name, option in every
        if isinstance(option, click.Option) and not option.is_flag
    ]


@pytest.mark.parametrize(("command", "flag"), options())
def test_no_odd_text_of_an_option_ends_in_a_traceback(
    command: str, flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no such run or data set, so that nothing begins: what is odd is refused before, or with it."""
    monkeypatch.chdir(tmp_path)
    for text in ODD:
        result = CliRunner().invoke(commands, [command, *BEFORE[command], flag, text])
        assert result.exit_code in (0, 2), f"{flag} {text!r}: {result.exception!r}"
        assert result.exit_code == 0 or "Error" in result.output
    assert not any(tmp_path.iterdir())


def is_of(read: type, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def wrong_text(option: click.Option) -> st.SearchStrategy[str] | None:
    """Text that an option cannot have, by its kind; ``None`` for paths and free text."""
    if isinstance(option.type, click.Choice):
        return st.text().filter(lambda text: text.lower() not in map(str, option.type.choices))
    read = {"int": int, "integer": int, "integer range": int, "float": float}.get(option.type.name)
    odd = st.one_of(st.text(), st.sampled_from(["1e", "--", "0x10", "1,5", "one", "½"]), st.floats().map(str))
    return odd.filter(lambda text: not is_of(read, text)) if read else None


KINDS = [
    (name, option, texts)
    for name in BEFORE
    for option in commands.commands[name].params
    if isinstance(option, click.Option) and not option.is_flag and (texts := wrong_text(option)) is not None
]


@given(st.data())
def test_any_text_that_is_not_of_an_options_kind_is_refused_by_its_name(draws: st.DataObject) -> None:
    command, option, texts = draws.draw(st.sampled_from(KINDS))
    flag = max(option.opts, key=len)
    result = CliRunner().invoke(commands, [command, *BEFORE[command], flag, draws.draw(texts)])
    assert result.exit_code == 2, repr(result.exception)
    assert "Error" in result.output
    assert flag in result.output


@pytest.mark.parametrize(
    ("words", "said", "mended"),
    [
        (["--epochs", "0"], "--epochs is out of range", "--epochs 20"),
        (["--batch-size", "-1"], "--batch-size is out of range", "--batch-size 128"),
        (["--lr", "nan"], "--lr is out of range", "--lr 0.001"),
        (["--labels-per-class", "0"], "--labels-per-class is out of range", "--labels-per-class 10"),
        (["--device", "cuda:99"], "--device", "cpu"),
    ],
)
def test_an_error_names_the_flag_that_was_typed(words: list[str], said: str, mended: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(commands, ["fit", "vae", "--out", str(tmp_path / "run"), *words])
    assert result.exit_code == 2
    assert said in result.output
    assert mended in result.output
    assert not (tmp_path / "run").exists()


def test_an_empty_path_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        ["fit", "vae", "--out", ""],
        ["sample", ""],
        ["sample", "run", "-o", ""],
        ["report", "run", "-o", ""],
    ):
        result = CliRunner().invoke(commands, words)
        assert (result.exit_code, "is no path" in result.output) == (2, True), result.output


@pytest.mark.parametrize(
    ("fix", "told"),
    [
        ("ppgen.fit(model, data, seed=0)", "--seed 0"),
        ("ppgen.fit(model, data, guide=guide)", "ppgen.fit(model, data, guide=guide)"),
        ("x = (x > 0.5).float()", "x = (x > 0.5).float()"),
    ],
)
def test_python_in_a_remedy_stays_python_where_no_flag_says_it(fix: str, told: str) -> None:
    said = in_flags(SettingError("fit: seed is out of range", fix=fix), [click.Option(["--seed"])])
    assert (said.what, said.fix) == ("--seed is out of range", told)
