"""`ppgen demo` from end to end, with fits of one epoch to images that are small."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

import ppgen as package
from ppgen import zoo
from tests.cli.conftest import Ppgen

SIX = zoo.demo_names()


@pytest.fixture(autouse=True)
def one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    short = {name: dataclasses.replace(recipe, quick={"max_epochs": 1}) for name, recipe in zoo._RECIPES.items()}
    monkeypatch.setattr(zoo, "_RECIPES", short)
    monkeypatch.setattr(sys.modules["ppgen.cli.demo"], "PARTICLES", {True: 2, False: 2})
    monkeypatch.setattr(sys.modules["ppgen.cli.demo"], "DATA", "digits")


@pytest.mark.parametrize("names", [("cvae", "gan"), pytest.param(SIX, marks=pytest.mark.slow)], ids=["two", "six"])
def test_the_demo_ends_with_a_table_and_a_page(
    names: tuple[str, ...], ppgen: Ppgen, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "_RECIPES", {name: zoo.recipe(name) for name in names})
    result = ppgen("demo", "--quick")
    assert result.exit_code == 0, result.stderr
    table = result.stdout.partition(f"{len(names)}/{len(names)} gan")[2]
    for name in names:
        assert name in table
        assert len(package.load(Path("runs/demo") / name).history) == 1
        assert (Path("runs/demo") / name / "scores.json").exists()
        assert (Path("runs/demo") / name / "figures" / "samples.png").exists()
    page = Path("runs/demo/report.html").read_text()
    assert all(name in page for name in names)
    assert "http://" not in page.replace("http://www.w3.org/", ""), "the page must be whole without a network"
    hints = result.stdout.splitlines()[-3:]
    assert "runs/demo/report.html" in hints[0]
    assert "ppgen sample runs/demo/cvae" in hints[1]
    assert "ppgen fit vae" in hints[2]

    words = hints[1].split(":")[0].split()[1:]
    assert ppgen(*words).exit_code == 0, "what the demo proposes must work"
    assert ppgen("compare", "runs/demo").exit_code == 0


def test_a_second_demo_replaces_the_runs_of_the_first_and_nothing_else(
    ppgen: Ppgen, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "_RECIPES", {"gan": zoo.recipe("gan")})
    assert ppgen("demo", "--quick").exit_code == 0
    first = Path("runs/demo/gan/model.safetensors").read_bytes()
    Path("runs/demo/gan/notes.txt").write_text("mine")
    assert ppgen("demo", "--quick", "--seed", 1).exit_code == 0
    assert Path("runs/demo/gan/model.safetensors").read_bytes() != first
    assert Path("runs/demo/gan/notes.txt").read_text() == "mine"
