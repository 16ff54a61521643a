"""`ppgen report` writes one page."""

from __future__ import annotations

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
