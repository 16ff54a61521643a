"""Atomic writes, digests and seals of files, the cache folder, and the one error of a disk that refuses."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ppgen.errors import CheckpointError

__all__ = [
    "TEMPORARY",
    "cache_folder",
    "digest_of",
    "holds_file",
    "read_sealed",
    "replace",
    "sealed",
    "write_text",
    "writing",
]

TEMPORARY = ".tmp-"
"""How the name of a file begins that is not whole yet; after a kill it may stay behind."""

_SEAL, _UNSEALED = "sha256", (None, 1)
_LARGEST = 1 << 26  # bytes of a record, all of which are read at once
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link to what is no file",
}


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


def sealed(record: Mapping[str, Any]) -> str:
    """A record as a text that knows its own SHA-256, so that :func:`read_sealed` sees every change of it.

    Args:
        record: plain data, with a ``"format"`` of 2 or more.
    """
    content = json.loads(json.dumps(record))  # keys become texts, two of which may be one
    digest = hashlib.sha256(json.dumps(content, indent=2).encode()).hexdigest()
    return json.dumps({**content, _SEAL: digest}, indent=2) + "\n"


def read_sealed(path: Path) -> dict[str, Any]:
    """A record from a file, and sure that it is byte for byte as it was written, if it was sealed.

    Those of the first format were not. One that lost its seal still says its format, and so is refused too.

    Args:
        path: the file.

    Returns:
        The record without its seal.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is not what was written.
        CheckpointError: if it is no file.
    """
    if not holds_file(path):
        raise FileNotFoundError(2, "no such file", str(path))
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"no file of at most {_LARGEST >> 20} MiB")
    try:
        text = path.read_bytes().decode()
        record = json.loads(text)
    except RecursionError:
        raise ValueError("lists in lists beyond any record's depth") from None
    except OSError as error:
        raise ValueError(str(error)) from error
    if not isinstance(record, dict):
        raise ValueError(f"no object, but {type(record).__name__}")
    seal = record.pop(_SEAL, None)
    if (seal is not None or record.get("format") not in _UNSEALED) and sealed(record) != text:
        raise ValueError("its SHA-256 is not the one that it was written with")
    return record


def holds_file(path: Path) -> bool:
    """Whether there is a file, which can be read to its end; a link to one is one.

    Args:
        path: where.

    Raises:
        CheckpointError: if what lies there is none: reading a pipe or a device may wait for ever, and a name that is
            taken is not to be treated as one that is free.
    """
    if path.is_file() or not os.path.lexists(path):
        return path.is_file()
    raise CheckpointError(
        f"{path}: this is no file that could be read",
        expected="a regular file, or nothing of that name",
        got=_KINDS.get(stat.S_IFMT(path.lstat().st_mode), "a device"),
        fix="remove it, or restore the file from a copy",
        code="C035",
    )


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
