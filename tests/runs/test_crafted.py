"""What a stranger's run folder may do: nothing but be read, or be refused by name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import ppgen
from ppgen.errors import CheckpointError
from ppgen.runs import RunFolder, checkpoint
from tests.fixtures.make_runs import FOLDER, RUNS

ROOT = Path(__file__).parents[2]


def test_crafted_records_import_call_make_and_fill_nothing(tmp_path: Path) -> None:
    (tmp_path / "planted_module.py").write_text("open('executed', 'w')")
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.runs.crafted", str(FOLDER / "vae"), str(tmp_path)],
        cwd=tmp_path, env={**os.environ, **paths}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *faults, last = done.stdout.splitlines()
    told = json.loads(last)
    assert faults == []
    assert told["count"] >= 60
    assert (told["foreign"], told["calls"]) == ([], [])
    assert told["MiB"] < 1000
    made = {path.name for path in tmp_path.iterdir()} - {"planted_module.py", "__pycache__", "run", ".cache", ".config"}
    assert not made


STATES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "empty": lambda s: s.clear(),
    "no optimizers": lambda s: s.pop("optimizers"),
    "optimizers of another kind": lambda s: s.update(optimizers=[3]),
    "10^9 epochs": lambda s: s["progress"].update(epoch=10**9),
    "a step before the first": lambda s: s["progress"].update(step=-1),
    "a position beyond the epoch": lambda s: s["progress"].update(position=10**9),
    "a progress of its own": lambda s: s["progress"].update(shell="rm"),
    "a history that is none": lambda s: s.update(history="["),
    "a deep history": lambda s: s.update(history="[" * 10**5),
    "random numbers": lambda s: s["random"].update(torch=torch.zeros(3)),
    "weights without end": lambda s: s.update(weights={k: torch.zeros(1).expand(10**12) for k in s["weights"]}),
    "a list": lambda s: s.update(records=[1]),
}


@pytest.mark.parametrize("name", STATES)
def test_crafted_states_are_refused(tmp_path: Path, name: str) -> None:
    run = shutil.copytree(FOLDER / "unfinished", tmp_path / "run")
    state = checkpoint.read(run / "checkpoint")
    STATES[name](state)
    checkpoint.write(run / "checkpoint", state, 8)
    with pytest.raises(CheckpointError):
        RUNS["unfinished"].fit(run, resume=True)


def test_crafted_weights_are_refused(tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(FOLDER / "vae", tmp_path / "run"))
    tensors = load_file(run.weights)
    first = next(iter(tensors))
    others = [
        {},
        {**tensors, first: torch.zeros(3)},
        {**tensors, "more": torch.zeros(3)},
        {**tensors, first: tensors[first].to(torch.complex64)},
    ]
    for other in others:
        save_file(other, run.weights)
        run.write({**run.read(), "weights": hashlib.sha256(run.weights.read_bytes()).hexdigest()})
        with pytest.raises(CheckpointError):
            ppgen.load(run)
