"""One fit at a time writes a run folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from ppgen.errors import CheckpointError
from ppgen.files import writing

__all__ = ["NAME", "locked"]

NAME = "run.lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A block in which nobody else fits in this folder.

    The kernel holds the lock and gives it back with the process, however that ends: what a killed one leaves behind is
    a file that nobody holds. The file says whose it is, for the message, and for machines that share a disk but no
    locks: there another machine's file counts as held.

    Args:
        folder: of the run; made if need be.

    Raises:
        CheckpointError: if another fit holds it, on this machine or another, or the folder cannot be written.
    """
    path = folder / NAME
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
    handle = _take(path)
    try:
        with writing(path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


def _take(path: Path) -> int:
    """A handle of the file, locked."""
    while True:
        with writing(path):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            owner = _owner(handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise _held(path, owner) from error
            if owner.get("host", socket.gethostname()) != socket.gethostname():
                raise _held(path, owner)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
            os.close(handle)  # who held it has just deleted it: a lock of it locks nothing
        except BaseException:
            os.close(handle)
            raise


def _owner(handle: int) -> dict[str, object]:
    """Who wrote the file last; nobody, if it is empty or was cut off."""
    try:
        owner = json.loads(os.pread(handle, 1000, 0) or b"{}")
    except (ValueError, OSError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _held(path: Path, owner: dict[str, object]) -> CheckpointError:
    host, pid = owner.get("host", "another machine"), owner.get("pid", "unknown")
    return CheckpointError(
        f"{path.parent}: another fit writes this run now",
        expected="one fit at a time in a folder",
        got=f"process {pid} on {host}, as {path.name} says",
        fix=f"wait until it ends, or choose another out=...; if {host} has no such process any more, delete {path}",
        code="C030",
    )
