"""Checkpoints: whole or absent, verified on reading, never executed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from ppgen.errors import CheckpointError

__all__ = ["latest", "read", "write"]

_POINTER = "latest.json"


def write(folder: Path, state: dict[str, Any], step: int) -> None:
    """Save a state so that a kill at any moment leaves a whole checkpoint behind.

    The state goes to a new file, which is synced to disk; then a pointer with its SHA-256 is replaced in one atomic
    step; then older files go, but for the one before.

    Raises:
        CheckpointError: if the disk refuses; the checkpoint before stays valid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:09d}.pt"
    temporary = folder / f".{path.name}.tmp"
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        os.replace(temporary, path)
        before = _pointer(folder)
        history = [entry for entry in before if entry["file"] != path.name][:1]
        _replace(folder / _POINTER, json.dumps([{"file": path.name, "sha256": digest, "step": step}, *history]))
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{path}: cannot be written",
            expected="space and permission to write there",
            got=str(error).splitlines()[0],
            fix="free some space; the checkpoint before this one is whole and was kept",
        ) from error
    kept = {path.name, *(entry["file"] for entry in history)}
    for old in [*folder.glob("step-*.pt"), *folder.glob(".*.tmp")]:
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
            fix="start the fit without resume=True",
        )
    path = folder / entries[0]["file"]
    others = [entry["file"] for entry in entries[1:] if (folder / entry["file"]).is_file()]
    fix = "restore the file from a copy, or delete the checkpoint folder and fit again"
    if others:
        fix = f"delete {path.name} and the first entry of {_POINTER}: {others[0]} before it is kept; or fit again"
    if not path.is_file():
        raise CheckpointError(f"{path}: the checkpoint is missing", expected="the file named in latest.json", fix=fix)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entries[0]["sha256"]:
        raise CheckpointError(
            f"{path}: the checkpoint is damaged",
            expected=f"SHA-256 {entries[0]['sha256'][:16]}...",
            got=f"{hashlib.sha256(content).hexdigest()[:16]}... over {len(content)} bytes",
            fix=fix,
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as a checkpoint", got=str(error).splitlines()[0], fix=fix
        ) from error


def latest(folder: Path) -> int | None:
    """The step of the newest checkpoint, or ``None`` if there is none."""
    entries = _pointer(folder)
    return int(entries[0]["step"]) if entries else None


def _pointer(folder: Path) -> list[dict[str, Any]]:
    path = folder / _POINTER
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text())
        return [
            {"file": Path(str(e["file"])).name, "sha256": str(e["sha256"]), "step": int(e["step"])} for e in entries
        ]
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{path}: the pointer to the checkpoint is damaged",
            expected='[{"file": ..., "sha256": ..., "step": ...}]',
            got=str(error),
            fix="restore it from a copy, or delete the checkpoint folder and fit again",
        ) from error


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)  # the rename itself must reach the disk
    finally:
        os.close(handle)
