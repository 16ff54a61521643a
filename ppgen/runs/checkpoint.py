"""Checkpoints: whole or absent, verified on reading, never executed."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path
from typing import Any

import torch

from ppgen.errors import CheckpointError
from ppgen.files import TEMPORARY, digest_of, holds_file, replace, write_text, writing

__all__ = ["latest", "read", "write"]

_POINTER = "latest.json"


def write(folder: Path, state: dict[str, Any], step: int) -> None:
    """Save a state so that a kill at any moment leaves a whole checkpoint behind.

    The state goes to a file of its own, then a pointer with its SHA-256 is replaced in one atomic step, then older
    files go, but for the one before. The file's name has a part of the hash in it, so that no file that a pointer
    speaks of is ever written to.

    Args:
        folder: of the checkpoints of one run.
        state: tensors and plain data, in dictionaries and lists.
        step: number of optimizer steps done.

    Raises:
        CheckpointError: if the disk refuses; the checkpoint before stays valid.
    """

    def save(path: Path) -> None:
        with path.open("wb") as file:  # given a path, torch would write its name into the file
            torch.save(state, file)

    before = _pointer(folder)
    draft = folder / "draft.pt"
    replace(draft, save)
    with writing(draft):
        digest = digest_of(draft)
        path = draft.replace(folder / _name(step, digest))
    others = [entry for entry in before if entry["file"] != path.name]
    entries = [{"file": path.name, "sha256": digest, "step": step}, *others[:1]]
    write_text(folder / _POINTER, json.dumps(entries))
    kept = {entry["file"] for entry in entries}
    for old in [*folder.glob("step-*.pt"), *folder.glob(f"{TEMPORARY}*")]:
        if old.name not in kept:
            with contextlib.suppress(OSError):
                old.unlink()


def read(folder: Path) -> dict[str, Any]:
    """The newest checkpoint.

    Raises:
        CheckpointError: if there is none, or it is truncated or altered.
    """
    entries = _pointer(folder)
    if not entries:
        raise CheckpointError(
            f"{folder}: no checkpoint here",
            expected=f"{_POINTER} beside step-*.pt",
            got=", ".join(sorted(item.name for item in folder.glob("*"))) or "an empty or missing folder",
            fix="start the fit without resume=True",
            code="C011",
        )
    path = folder / entries[0]["file"]
    others = [entry["file"] for entry in entries[1:] if (folder / entry["file"]).is_file()]
    fix = (
        f"delete {path.name} and the first entry of {_POINTER}: {others[0]} before it is kept; or fit again"
        if others
        else "restore the file from a copy, or delete the checkpoint folder and fit again"
    )
    if not holds_file(path):
        raise CheckpointError(
            f"{path}: the checkpoint is missing",
            expected=f"the file that {_POINTER} names",
            got=", ".join(sorted(item.name for item in folder.glob("*"))),
            fix=fix,
            code="C012",
        )
    digest = digest_of(path)
    if digest != entries[0]["sha256"]:
        raise CheckpointError(
            f"{path}: the checkpoint is damaged",
            expected=f"SHA-256 {entries[0]['sha256'][:16]}..., as {_POINTER} says, unless that is damaged",
            got=f"{digest[:16]}... over {path.stat().st_size} bytes",
            fix=fix,
            code="C013",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            if any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist()):
                raise ValueError("compressed parts, which no checkpoint has, may be of any size")
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # the bytes may be anybody's, and the digest beside them too
        raise CheckpointError(
            f"{path}: cannot be read as a checkpoint",
            expected="what ppgen wrote",
            got=f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}",
            fix=fix,
            code="C014",
        ) from error


def latest(folder: Path) -> int | None:
    """The step of the newest checkpoint, or ``None`` if there is none."""
    entries = _pointer(folder)
    return int(entries[0]["step"]) if entries else None


def _name(step: int, digest: str) -> str:
    return f"step-{step:09d}-{digest[:8]}.pt"


def _pointer(folder: Path) -> list[dict[str, Any]]:
    path = folder / _POINTER
    if not holds_file(path):
        return []
    try:
        text = path.read_bytes()
        entries: list[dict[str, Any]] = [
            {"file": str(entry["file"]), "sha256": str(entry["sha256"]), "step": int(entry["step"])}
            for entry in json.loads(text)
        ]
        for entry in entries:
            if entry["file"] != _name(entry["step"], entry["sha256"]):
                raise ValueError(f"{entry['file']} is not the file of step {entry['step']} with its SHA-256")
        return entries
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise CheckpointError(
            f"{path}: the pointer to the checkpoint is damaged",
            expected='[{"file": ..., "sha256": ..., "step": ...}]',
            got=str(error),
            fix="restore it from a copy, or delete the checkpoint folder and fit again",
            code="C015",
        ) from error
