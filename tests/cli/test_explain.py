"""``ppgen explain`` prints the entry of a code, and refuses what is no code."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import ppgen
from ppgen.cli import commands

RUNNER = CliRunner()
ENTRY = {
    "class": "DataError",
    "file": "ppgen/data/x.py",
    "function": "read",
    "what": "{name} is empty",
    "fix": "fill it",
}


def test_what_an_error_names_is_known() -> None:
    with pytest.raises(ppgen.errors.SettingError) as caught:
        ppgen.zoo.recipe("no such recipe")
    name = str(caught.value.code)
    assert str(caught.value).endswith(f"\n  more: ppgen explain {name}")
    for typed in (name, name.lower()):
        result = RUNNER.invoke(commands, ["explain", typed])
        assert result.exit_code == 0
        assert result.stdout.startswith(f"{name}, a SettingError\n")
        assert "ppgen/zoo/" in result.stdout


@pytest.mark.parametrize(
    ("entry", "last"),
    [
        (ENTRY, "It is raised by read in ppgen/data/x.py.\n"),
        ({**ENTRY, "retired": True}, "This version of ppgen no longer raises it; read in ppgen/data/x.py did.\n"),
    ],
)
def test_an_entry(entry: dict[str, object], last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("ppgen.cli.explain"), "TABLE", tmp_path / "errors.json")
    (tmp_path / "errors.json").write_text(json.dumps({"D001": entry}))
    lines = RUNNER.invoke(commands, ["explain", "D001"]).stdout.splitlines(keepends=True)
    assert "".join(lines[:4]) == "D001, a DataError\n\n{name} is empty\n  fix: fill it\n"
    assert lines[-1] == last


def test_what_is_no_code_is_refused() -> None:
    result = RUNNER.invoke(commands, ["explain", "X999"])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: explain: no error has the code 'X999'\n")
