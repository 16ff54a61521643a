"""Atomic writes, digests of files, the cache folder, and the one error of a disk that refuses."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ppgen.errors import CheckpointError

__all__ = ["TEMPORARY", "cache_folder", "digest_of", "replace", "write_text", "writing"]

TEMPORARY = ".tmp-"
"""How the name of a file begins that is not whole yet; after a kill it may stay behind."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a full or forbidden disk raises into one kind of error.

    Raises:
        CheckpointError: naming the path and the reason.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch.save raises the latter
        raise CheckpointError(
            f"{path}: cannot be written",
            expected="space and permission to write there",
            got=(str(error).splitlines() or [type(error).__name__])[0],
            fix="free some space, or choose another out=...; what was there before is whole and was kept",
            code="C007",
        ) from error


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that its name always stands for a whole one, also after a kill or a power cut.

    Args:
        path: the file.
        write: writes the content to the path that it is given, which ends as ``path`` does and is this process's own.

    Raises:
        CheckpointError: if the disk refuses; the file that was there before stays.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch()
            mode = temporary.stat().st_mode
            write(temporary)
            temporary.chmod(mode)  # some writers make files that only their owner can read
            _sync(temporary)
            os.replace(temporary, path)
            _sync(path.parent)  # the rename itself must reach the disk
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8 as :func:`replace` does.

    Args:
        path: the file.
        text: its whole content.

    Raises:
        CheckpointError: if the disk refuses; the file that was there before stays.
    """
    replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def cache_folder() -> Path:
    """Where ppgen keeps what may be lost without harm: ``$PPGEN_CACHE``, else ``ppgen`` in the user's cache folder."""
    if own := os.environ.get("PPGEN_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ppgen"


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
