"""The user's ``.npy`` and ``.npz`` files, read without pickle: nothing in them is ever executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ppgen.data.dataset import SPLITS
from ppgen.data.roots import reading
from ppgen.errors import DataError

__all__ = ["read"]


def read(path: Path) -> dict[str, Any]:
    """What a file holds, in the form that :func:`ppgen.data.from_tensors` takes.

    A ``.npy`` is ``x``. The arrays of a ``.npz`` are named by site and covariate; one array alone is ``x``, whatever
    its name; ``x_train, y_train, x_test, y_test`` (and ``x_valid``) are splits, as are arrays called ``train``,
    ``valid`` and ``test``.

    Raises:
        DataError: if the file is missing, damaged, or holds pickled objects.
    """
    with reading("array file", path):
        if path.suffix not in (".npy", ".npz"):
            raise ValueError(f"the suffix {path.suffix or 'is missing'} is neither .npy nor .npz")
        try:
            arrays = _load(path)
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise DataError(
                f"{path} holds Python objects",
                expected="numeric arrays (pickles can run code, and are never loaded)",
                got="a pickle",
                fix="numpy.savez(path, x=x.astype('float32'), y=y.astype('int64'))",
            ) from error
    if splits := _splits(arrays):
        return splits
    return {"x": arrays.popitem()[1]} if len(arrays) == 1 else arrays


def _load(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:  # opened here, since numpy leaves a damaged archive open
        start = file.read(6)
        file.seek(0)
        # numpy takes whatever it does not know for a pickle; a damaged file should not be called one.
        if not start.startswith((b"\x93NUMPY", b"PK")):
            raise ValueError(f"starts with {start.hex() or 'nothing'}, as no file of numpy's does")
        found = np.load(file, allow_pickle=False)
        return {"x": found} if isinstance(found, np.ndarray) else {key: found[key] for key in found.files}


def _splits(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Arrays called SITE_SPLIT as ``{split: {site: array}}``; empty if any array is called otherwise."""
    splits: dict[str, Any] = {}
    for key, array in arrays.items():
        site, _, split = key.rpartition("_")
        if split not in SPLITS:
            return {}
        splits.setdefault(split, {})[site or "x"] = array
    return splits
