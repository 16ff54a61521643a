from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ppgen.errors import CheckpointError
from ppgen.runs import checkpoint

STATE = {"weights": {"a": torch.arange(300.0)}, "progress": {"epoch": 2, "best_loss": None}, "history": "[]"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two checkpoints."""
    checkpoint.write(tmp_path / "checkpoint", {**STATE, "history": "[0]"}, 10)
    checkpoint.write(tmp_path / "checkpoint", STATE, 20)
    return tmp_path / "checkpoint"


def newest(folder: Path) -> Path:
    return folder / json.loads((folder / "latest.json").read_text())[0]["file"]


def test_what_is_written_is_read(folder: Path) -> None:
    state = checkpoint.read(folder)
    assert torch.equal(state["weights"]["a"], STATE["weights"]["a"])
    assert state["progress"] == STATE["progress"]
    assert checkpoint.latest(folder) == 20
    assert checkpoint.latest(folder / "nowhere") is None


def test_the_one_before_is_kept_and_no_other(folder: Path) -> None:
    checkpoint.write(folder, STATE, 30)
    names = sorted(path.name.split("-")[1] for path in folder.glob("step-*.pt"))
    assert names == ["000000020", "000000030"]
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("step-")) == ["latest.json"]


def damage_by_byte(position: float) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        index = int(position * (len(content) - 1))
        return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]

    return flip


DAMAGE = {f"byte {p:.3f}": damage_by_byte(p) for p in sorted(random.Random(0).random() for _ in range(20))}
DAMAGE |= {f"cut to {share:.2f}": lambda c, s=share: c[: int(s * len(c))] for share in (0.0, 0.5, 0.99)}
DAMAGE |= {"one byte more": lambda c: c + b"\0"}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_every_damage_is_seen_and_the_one_before_is_named(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path, before = newest(folder), json.loads((folder / "latest.json").read_text())[1]["file"]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match="damaged") as caught:
        checkpoint.read(folder)
    assert path.name in caught.value.what
    assert before in str(caught.value.fix)


@pytest.mark.parametrize(
    "text", ["", "it", "[]x", '[{"file": "step"}]', "[3]", '{"a": 1}', '[{"file": 1, "sha256": 2}]']
)
def test_a_damaged_pointer_is_named(folder: Path, text: str) -> None:
    (folder / "latest.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"latest\.json"):
        checkpoint.read(folder)


def test_every_digit_of_the_newest_entry_counts(folder: Path) -> None:
    text = (folder / "latest.json").read_text()
    for place in (place for place, letter in enumerate(text[: text.index("}")]) if letter.isdigit()):
        changed = str((int(text[place]) + 1) % 10)
        (folder / "latest.json").write_text(text[:place] + changed + text[place + 1 :])
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoint.read(folder)


def test_what_would_fill_the_memory_is_not_unpacked(folder: Path) -> None:
    torch.save(STATE, folder / "a.pt")
    with zipfile.ZipFile(folder / "a.pt") as plain, zipfile.ZipFile(folder / "b.pt", "w", zipfile.ZIP_DEFLATED) as bomb:
        for item in plain.infolist():
            bomb.writestr(item.filename, plain.read(item))
    digest = hashlib.sha256((folder / "b.pt").read_bytes()).hexdigest()
    path = (folder / "b.pt").rename(folder / f"step-000000020-{digest[:8]}.pt")
    point(folder, path.name, path)
    with pytest.raises(CheckpointError, match="compressed"):
        checkpoint.read(folder)


def test_what_is_missing_is_named(folder: Path) -> None:
    newest(folder).unlink()
    with pytest.raises(CheckpointError, match="missing"):
        checkpoint.read(folder)
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        checkpoint.read(folder / "nowhere")


class Bomb:
    """What unpickling it would do, nobody must ever do."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("exploded",))


def test_code_in_a_checkpoint_is_never_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the hash is right: whoever can write the file can write the pointer."""
    path = newest(folder)
    with monkeypatch.context() as patch:
        patch.chdir(folder)
        for explode in (
            lambda to: to.write_bytes(pickle.dumps(Bomb(), 2)),
            lambda to: torch.save({"weights": Bomb()}, to),
        ):
            explode(path)
            path = path.rename(folder / f"step-000000020-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pt")
            point(folder, path.name, path)
            with pytest.raises(CheckpointError, match="cannot be read"):
                checkpoint.read(folder)
    assert not (folder / "exploded").exists()


def point(folder: Path, name: str, path: Path) -> None:
    entry = {"file": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "step": 20}
    (folder / "latest.json").write_text(json.dumps([entry]))


def test_a_pointer_leads_nowhere_but_into_its_folder(folder: Path) -> None:
    outside = folder.parent / "outside.pt"
    torch.save(STATE, outside)
    point(folder, "../outside.pt", outside)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.read(folder)


@pytest.mark.parametrize("place", ["torch.save", "os.replace", "os.fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("unexpected pos 704 vs 598")])
def test_a_full_disk_keeps_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(place, refuse)
        with pytest.raises(CheckpointError, match=r"(?s)cannot be written.*kept"):
            checkpoint.write(folder, {**STATE, "history": "[9]"}, 30)
    assert checkpoint.latest(folder) == 20
    assert checkpoint.read(folder)["history"] == "[]"
    assert not list(folder.glob(".*"))
    checkpoint.write(folder, {**STATE, "history": "[9]"}, 30)
    assert checkpoint.read(folder)["history"] == "[9]"


def test_a_kill_before_the_pointer_moves_leaves_the_old_one_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the same step is saved again, with other numbers: no file that a pointer names is written to."""
    original = os.replace

    def die_at_the_pointer(source: Any, target: Any) -> None:
        if Path(target).name == "latest.json":
            raise KeyboardInterrupt
        original(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die_at_the_pointer)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.write(folder, {**STATE, "history": "[9]"}, 20)
    assert checkpoint.read(folder)["history"] == "[]"
