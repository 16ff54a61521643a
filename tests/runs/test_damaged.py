"""No damage to any file of a run goes by in silence, or ends in a traceback."""

from __future__ import annotations

from pathlib import Path

from tests.runs.damaged import make_run, trials


def test_every_damage_is_seen_and_its_file_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    names = {path.name for path in run.rglob("*") if path.is_file()}
    assert {"run.json", "history.jsonl", "model.safetensors", "scores.json", "per_datum.npy", "posterior.nc"} <= names
    assert list(trials(run, 48)) == []
