"""`ppgen compare` lays runs side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import ppgen as package
from tests.cli.conftest import Ppgen


def test_compare_is_the_table_of_python(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("compare", runs / "vae", runs / "cvae")
    comparison = package.compare({"vae": runs / "vae", "cvae": runs / "cvae"})
    assert result.exit_code == 0
    assert result.stdout.strip() == comparison.to_text().strip()


def test_compare_evaluates_what_has_no_scores(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("compare", runs)
    assert result.exit_code == 0
    assert result.stderr == "runs/pixelcnn: not evaluated yet, doing so now\n"
    assert (runs / "pixelcnn" / "scores.json").exists()
    for name in ("vae", "cvae", "pixelcnn"):
        assert name in result.stdout


@pytest.mark.parametrize(("form", "sign"), [("markdown", "|"), ("latex", r"\toprule"), ("csv", ","), ("text", "vae")])
def test_compare_writes_tables(ppgen: Ppgen, runs: Path, form: str, sign: str) -> None:
    words = ["compare", runs / "vae", runs / "cvae", "--format", form]
    shown = ppgen(*words).stdout
    assert sign in shown
    written = ppgen(*words, "-o", "tables/table.txt")
    assert written.stdout == "tables/table.txt\n"
    assert Path("tables/table.txt").read_text() == shown


def test_runs_of_one_folder_are_seeds_of_one_model(ppgen: Ppgen, runs: Path) -> None:
    refused = ppgen("compare", runs / "vae", runs / "cvae", "--group")
    assert refused.exit_code != 0
    assert "differ in more than their seed: model" in refused.stderr
    for seed in ("1", "2"):
        shutil.copytree(runs / "vae", Path("seeds") / seed)
    assert "are not all different" in ppgen("compare", "seeds", "--group").stderr
    shown = ppgen("compare", "seeds/1", runs / "cvae", "--group").stdout
    assert shown.strip() == package.compare({"seeds": ["seeds/1"], "runs": [runs / "cvae"]}).to_text().strip()
