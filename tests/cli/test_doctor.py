"""`ppgen doctor` prints what Python's `examine` finds, run by run."""

from __future__ import annotations

from pathlib import Path

import ppgen as package
from ppgen.reporting import examine
from tests.cli.conftest import Ppgen


def test_a_run_is_examined(ppgen: Ppgen, runs: Path) -> None:
    told = ppgen("doctor", runs / "pixelcnn").stdout
    lines = str(examine(package.load(runs / "pixelcnn"))).splitlines()
    in_flags = [f"  {line}".replace("max_epochs=10", "ppgen fit --epochs 10") for line in lines]
    assert told.splitlines() == [f"{runs / 'pixelcnn'}:", *in_flags]
    assert "posterior collapse (no representation" in told


def test_what_is_no_run_is_told(ppgen: Ppgen, here: Path) -> None:
    result = ppgen("doctor", "nowhere")
    assert result.exit_code == 2
    assert "no run here" in result.stderr
