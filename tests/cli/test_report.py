"""`ppgen report` writes one page."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import Ppgen


def test_a_report_of_runs(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("report", runs / "vae", runs / "cvae", "-o", "pages/page.html", "--title", "Two of a kind")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "pages/page.html\n"
    page = Path("pages/page.html").read_text()
    assert "Two of a kind" in page
    assert "cvae" in page
    assert "<svg" in page or "<img" in page


def test_runs_of_one_folder_are_one_model_with_the_figures_of_the_first(ppgen: Ppgen, runs: Path) -> None:
    shutil.copytree(runs / "vae", Path("seeds") / "1")
    assert ppgen("report", "seeds", runs / "cvae", "--group", "-o", "page.html").exit_code == 0
    page = Path("page.html").read_text()
    assert "Two generative models" in page
    assert "seeds" in page
    assert page.count("Learning curve") >= 2  # a figure of each
