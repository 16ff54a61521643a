"""A run folder: its record, which run it is of, its history, and what takes the place of what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import CheckpointError, SettingError
from ppgen.files import sealed
from ppgen.guides import MeanField
from ppgen.models import GAN, VAE
from ppgen.runs.description import describe_run
from ppgen.runs.run_folder import FORMAT, RunFolder

PARTS = ("model", "guide", "objective", "data", "example", "settings", "facts")
RECORD: dict[str, Any] = {part: {} for part in PARTS}


def test_a_record_comes_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "a")
    assert not folder.exists
    folder.write({**RECORD, "finished": False})
    assert folder.exists
    folder.write({**RECORD, "finished": True})
    assert folder.read() == {**RECORD, "finished": True, "format": FORMAT}
    text = (tmp_path / "runs" / "a" / "run.json").read_text()
    assert {**folder.read(), "sha256": json.loads(text)["sha256"]} == json.loads(text)


def test_history_grows_by_lines(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.rewrite_history([{"epoch": 1}])
    folder.append_history({"epoch": 2})
    assert folder.read_history() == [{"epoch": 1}, {"epoch": 2}]
    with folder.history.open("a") as file:
        file.write('{"epoch": 3, "tra')  # a kill in the middle of a line
    assert folder.read_history() == [{"epoch": 1}, {"epoch": 2}]
    folder.rewrite_history([])
    assert folder.read_history() == []
    assert RunFolder(tmp_path / "nowhere").read_history() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": 1, "model": {}}', "\x00"])
def test_what_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"run\.json"):
        RunFolder(tmp_path).read()


@pytest.mark.parametrize("value", [FORMAT + 1, 0, "1", None, [1]])
def test_a_format_that_this_release_does_not_read(tmp_path: Path, value: Any) -> None:
    (tmp_path / "run.json").write_text(sealed({**RECORD, "format": value, "versions": {"ppgen": "9.7"}}))
    with pytest.raises(CheckpointError, match=r"(?s)format 1.*9\.7.*pip install --upgrade ppgen"):
        RunFolder(tmp_path).read()


def test_places_that_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no run here"):
        RunFolder(tmp_path).read()
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="no folder"):
        RunFolder(tmp_path / "file")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def occupied(path: Path) -> Path:
    """A finished run, with all that it may hold and a file of the user's."""
    for name in ("figures/samples.png", "checkpoint/latest.json", "scores.json", "per_datum.npy", "posterior.nc"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("old")
    for name in ("model.safetensors", "history.jsonl", "thesis.tex"):
        (path / name).write_text("old")
    RunFolder(path).write({**RECORD, "finished": True})
    return path


@pytest.mark.parametrize("path", [3, None, b"runs", ["runs"]])
def test_a_folder_is_named_by_a_path(path: Any) -> None:
    calls = {
        "a run folder is named by its path": lambda: RunFolder(path),
        "load: folder is not what it should be": lambda: ppgen.load(path),
    }
    if path is not None:
        calls["fit: out is not what it should be"] = lambda: ppgen.fit(
            VAE((4,), 2), torch.ones(20, 4), max_epochs=1, progress=False, out=path
        )
    for said, call in calls.items():
        with pytest.raises(SettingError, match=said) as caught:
            call()
        assert caught.value.got == repr(path)


def test_a_new_run_is_made_inside_the_old_one(tmp_path: Path) -> None:
    path = occupied(tmp_path / "run")
    before = contents(path)
    inside = RunFolder(path, overwrite=True).for_a_fit(resume=False)
    assert contents(path) == before
    with pytest.raises(TypeError):
        inside.begin({**RECORD, "facts": object()})
    inside.begin(RECORD)
    assert {name: contents(path)[name] for name in before} == before
    assert not inside.read()["finished"]
    assert inside.read_history() == []


def test_only_runs_are_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SettingError, match="no run that could be overwritten"):
        RunFolder(tmp_path, overwrite=True)
    (tmp_path / "empty").mkdir()
    for place in ("empty", "not there"):
        RunFolder(tmp_path / place, overwrite=True).begin(RECORD)
        assert RunFolder(tmp_path / place).exists


def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    folder.rewrite_history([{"epoch": 1}])

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(CheckpointError, match="No space left"):
            folder.append_history({"epoch": 2})
    assert folder.read_history() == [{"epoch": 1}]


# The record -----------------------------------------------------------------------------------------------------------


SETTINGS: dict[str, Any] = {
    "max_epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "schedule": "constant", "seed": 0, "patience": None,
}  # fmt: skip


def record_of(**changes: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    parts: dict[str, Any] = {"one_value": 0.0, "latent_dim": 2, "objective": ppgen.ELBO(), **SETTINGS} | changes
    model, x = VAE((4,), parts["latent_dim"], hidden=(4,)), torch.randn(30, 4)
    splits = {"train": x.clone(), "valid": x[:3] + 1, "test": x[:3] + 2}
    splits["train"][7, 2] = parts["one_value"]
    data = ppgen.data.from_tensors(splits)
    settings = {key: parts[key] for key in SETTINGS}
    return describe_run(model, MeanField(model), parts["objective"], data, settings, {"dtypes": {}})


def test_a_record_is_plain_data() -> None:
    record = record_of()
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(record_of()))
    assert record["model"]["class"] == "ppgen.models:VAE"
    assert record["example"]["x"] == {"shape": [4], "dtype": "float32", "max": None}
    assert record["versions"]["torch"] == torch.__version__
    assert len(record["data"]["fingerprint"]) == 16


def test_the_same_run_is_known_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record_of())
    folder.verify_same(record_of())
    folder.verify_same(record_of(max_epochs=9, patience=3))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"latent_dim": 3}, "model"),
        ({"objective": ppgen.ELBO(2.0)}, "objective"),
        ({"one_value": 9.0}, "data"),
        ({"batch_size": 9}, "batch_size"),
        ({"seed": 1}, "seed"),
        ({"schedule": "cosine"}, "schedule"),
    ],
)
def test_another_run_is_told_apart(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record_of())
    with pytest.raises(CheckpointError, match=f"another {word}") as caught:
        folder.verify_same(record_of(**change))
    assert caught.value.expected != caught.value.got


def test_a_schedule_that_ends_with_the_last_epoch_fixes_their_number(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record_of(schedule="cosine"))
    folder.verify_same(record_of(schedule="cosine", patience=3))
    with pytest.raises(CheckpointError, match="another max_epochs"):
        folder.verify_same(record_of(schedule="cosine", max_epochs=9))


def test_a_critic_is_among_the_modules() -> None:
    model, objective = GAN((1, 8, 8)), ppgen.Adversarial()
    assert set(objective.setup(model, None, {"x": torch.rand(4, 1, 8, 8)}).modules) == {"model", "critic"}
