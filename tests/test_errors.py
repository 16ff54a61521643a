"""Errors have a code each, which no other place has, and the list of them is that of the source."""

from __future__ import annotations

import ast
import collections
import json
import pickle
import runpy
from pathlib import Path
from typing import Any

import pytest

from ppgen import errors

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "docs" / "build_errors.py"

checkout = pytest.mark.skipif(not PROGRAM.exists(), reason="looks at a checkout, not at an installation")


@pytest.fixture(scope="module")
def program() -> dict[str, Any]:
    return runpy.run_path(str(PROGRAM))


def test_the_last_line_names_the_code() -> None:
    error = errors.DataError("x: wrong", expected="e", got="g", fix="f", code="D001")
    assert str(error) == "x: wrong\n  expected: e\n  got: g\n  fix: f\n  more: ppgen explain D001"
    assert str(errors.DataError("x: wrong", fix="f")) == "x: wrong\n  fix: f"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.what) == (str(error), "D001", "x: wrong")


@checkout
def test_every_place_has_a_code_of_its_own(program: dict[str, Any]) -> None:
    sites = program["find_sites"](ROOT)
    assert len(sites) > 300, "the places are no longer found"
    bare = [f"{site.file}:{site.call.lineno}" for site in sites if site.code is None]
    assert not bare, f"without a code: {bare}; make errors"
    count = collections.Counter(site.code for site in sites)
    twice = [f"{site.code}, {site.file}:{site.call.lineno}" for site in sites if count[site.code] > 1]
    assert not twice, f"the same code: {twice}; delete that of the later place, then make errors"
    letters = {site.code[0]: ast.unparse(site.call.func).rpartition(".")[-1] for site in sites}
    assert {name: letter for letter, name in letters.items()} == program["LETTERS"]


@checkout
def test_table_and_page_are_those_of_the_source(program: dict[str, Any]) -> None:
    before = program["read_table"](ROOT)
    known = program["table"](ROOT, before)
    assert known == before, "make errors"
    assert (ROOT / program["PAGE"]).read_text(encoding="utf-8") == program["page"](known, ROOT), "make errors"


SOURCE = '''"""A file."""

def f(x):
    if x:  # ä, two bytes
        raise errors.DataError(("x " "(bad)"))
    text = "a" if x else "b"
    raise SettingError(
        f"{text}: {x!r}",
        fix=text,  # why
    ) from None
'''
NUMBERED = '''"""A file."""


def f(x):
    if x:  # ä, two bytes
        raise errors.DataError(("x (bad)"), code="D001")
    text = "a" if x else "b"
    raise SettingError(
        f"{text}: {x!r}",
        fix=text,
        code="S008",  # why
    ) from None
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("ppgen", "models", "guides"):
        (tmp_path / folder).mkdir()
    (tmp_path / "ppgen" / "a.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path


@checkout
def test_a_new_place_gets_the_next_code_that_none_ever_had(program: dict[str, Any], tree: Path) -> None:
    pytest.importorskip("ruff")
    assert program["number"](tree, ["S007"]) == ["D001", "S008"]
    assert (tree / "ppgen" / "a.py").read_text(encoding="utf-8") == NUMBERED
    assert program["number"](tree, ["S007"]) == []


@checkout
def test_an_entry_stays_when_its_place_is_gone(program: dict[str, Any], tree: Path) -> None:
    (tree / "ppgen" / "a.py").write_text(NUMBERED, encoding="utf-8")
    first = program["table"](tree, {})
    here = {"file": "ppgen/a.py", "function": "f"}
    assert first == {
        "D001": {"class": "DataError", **here, "what": "x (bad)"},
        "S008": {"class": "SettingError", **here, "what": "{text}: {x}", "fix": "a / b"},
    }
    assert json.loads(json.dumps(first)) == first
    (tree / "ppgen" / "a.py").write_text('"""A file."""\n', encoding="utf-8")
    gone = program["table"](tree, first)
    assert gone == {code: {**entry, "retired": True} for code, entry in first.items()}
    assert "No longer raised: D001, S008." in program["page"](gone, tree)


@checkout
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("f'{len(self.rows)} rows of {type(x).__name__}'", "{number of rows} rows of {type of x}"),
        ("f'{self.folder / \"run.json\"}: damaged'", "{folder}/run.json: damaged"),
        ("', '.join(map(str, known)) or 'none'", "{known} / none"),
        ("'a' + (': say which' if many else '')", "a: say which"),
        ("f'fix {names[0]}' if names else None", "fix {names}"),
        ("f'{where.removesuffix(name)} {str(value)}'", "{where} {value}"),
        ("f'{_LIMIT} at most'", "{limit} at most"),
    ],
)
def test_a_text_is_shown_with_its_choices(program: dict[str, Any], code: str, text: str) -> None:
    assert program["template"](ast.parse(code, mode="eval").body) == text
