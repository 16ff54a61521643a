"""kill -9 at random moments, and --resume: the same weights, bit for bit, as a run that nobody disturbed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ppgen as package
from tests.cli.conftest import Ppgen

KILLS = 5
FIT = ["fit", "my_models.py:Tiny", "--guide", "my_models.py:Encoder", "--seed", "7", "--device", "cpu"]


def step_of_checkpoint(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return int(json.loads((folder / "checkpoint" / "latest.json").read_text())[0]["step"])
    return 0


def run_and_kill(folder: Path, delay: float) -> None:
    """Start the command, wait until it has saved something new, wait a little more, and kill it."""
    before, patience = step_of_checkpoint(folder), time.monotonic() + 60
    home = str(Path(package.__file__).parents[1])
    command = [sys.executable, "-m", "ppgen.cli", *FIT, "--epochs", "1000000", "--out", str(folder), "--resume"]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": home}, stdout=subprocess.DEVNULL) as process:
        while step_of_checkpoint(folder) == before:
            assert process.poll() is None, "the fit ended by itself"
            assert time.monotonic() < patience, "no checkpoint within a minute"
            time.sleep(0.01)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_five_kills_change_nothing(ppgen: Ppgen, here: Path) -> None:
    killed, whole, moments = here / "killed", here / "whole", random.Random(2)
    steps = []
    for _ in range(KILLS):
        run_and_kill(killed, moments.uniform(0.0, 0.7))
        steps.append(step_of_checkpoint(killed))
    assert steps == sorted(set(steps)), "each run must go on where the one before was saved"
    epochs = str(steps[-1] // 9 + 3)  # 1077 rows in batches of 128 are 9 steps
    for folder in (killed, whole):
        assert ppgen(*FIT, "--epochs", epochs, "--out", folder, "--resume").exit_code == 0
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    rows = [
        [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()] for folder in (killed, whole)
    ]
    for one, other in zip(*rows, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    left_over = [file.name for file in killed.rglob(".*") if file.is_file()]
    assert not left_over, "a killed run leaves temporary files, which the next one sweeps"
