"""``per_datum.npy``: the log-density of each datum, beside the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ppgen.files import digest_of, holds_file, replace

__all__ = ["read", "write"]


def write(path: Path, values: np.ndarray) -> None:
    """Write the file atomically.

    Args:
        path: of the file.
        values: log-densities [N].
    """

    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:  # to a path of another suffix, numpy adds its own
            np.save(file, np.asarray(values), allow_pickle=False)

    replace(path, save)


def read(path: Path, digest: str | None) -> np.ndarray:
    """Log-densities [N]; no more is read than the file holds, whatever its header says.

    Args:
        path: of the file.
        digest: its SHA-256; ``None`` trusts it.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is not what was written.
    """
    if not holds_file(path):
        raise FileNotFoundError(2, "no such file", str(path))
    if digest not in (None, digest_of(path)):
        raise ValueError(f"{path.name}: its SHA-256 is not the one beside it")
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
