"""No damage to any file of a run goes by in silence, or ends in a traceback."""

from __future__ import annotations

from pathlib import Path

from tests.runs.damaged import trials


def test_every_damage_is_seen_and_its_file_named(run_copy: Path) -> None:
    names = {path.name for path in run_copy.rglob("*") if path.is_file()}
    assert {"run.json", "history.jsonl", "model.safetensors", "scores.json", "per_datum.npy", "posterior.nc"} <= names
    assert list(trials(run_copy, 48)) == []
