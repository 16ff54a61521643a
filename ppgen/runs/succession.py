"""A new run takes the place of an old one only when it is whole: until then it lies in a folder inside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ppgen.files import read_sealed, writing
from ppgen.runs.lock import locked

__all__ = ["DRAFT", "RESULTS", "delete", "succeed", "succeed_if_killed"]

DRAFT = ".new"
"""The folder, in that of the run, where the one is made that shall take its place."""

RESULTS = ("scores.json", "per_datum.npy", "posterior.nc", "figures")
"""What is computed from the weights of a run."""

_RECORD = "run.json"
_OTHERS = ("checkpoint", "model.safetensors", "history.jsonl")


def succeed(folder: Path) -> None:
    """Put the run that lies inside in the place of the one around it, if it has come to its end.

    That it is finished is what decides: from then on, a kill leaves a rest that the next reader moves. The record goes
    last, so that it stands for what is still to be moved. Files that are no part of a run stay.

    Args:
        folder: of the run, locked.

    Raises:
        CheckpointError: if the disk refuses.
    """
    if not _is_whole(draft := folder / DRAFT):
        return
    for name in RESULTS:
        delete(folder / name)
    with writing(folder):
        for name in (*_OTHERS, _RECORD):
            if (draft / name).exists():
                if (draft / name).is_dir():
                    delete(folder / name)
                os.replace(draft / name, folder / name)
    delete(draft)


def succeed_if_killed(folder: Path) -> None:
    """Do what a process was killed at, while nobody else does it.

    Args:
        folder: of a run.

    Raises:
        CheckpointError: if another process is at it, or the disk refuses.
    """
    if _is_whole(folder / DRAFT):
        with locked(folder):
            succeed(folder)


def delete(place: Path) -> None:
    """Delete a file or a folder, or nothing.

    Args:
        place: of it; of a link, the link alone.

    Raises:
        CheckpointError: if the disk refuses.
    """
    with writing(place):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def _is_whole(draft: Path) -> bool:
    try:
        return read_sealed(draft / _RECORD).get("finished") is True
    except (FileNotFoundError, ValueError):  # none, or one that nobody can take up either
        return False
