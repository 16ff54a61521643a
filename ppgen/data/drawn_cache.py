"""Generated columns that are kept in a file, with the hash of what is in them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ppgen.errors import CheckpointError
from ppgen.files import cache_folder, replace

__all__ = ["columns_hash", "drawn_once"]


def drawn_once(
    name: str, recipe: str, draw: Callable[[], Mapping[str, Tensor]], folder: Path | None = None
) -> tuple[dict[str, Tensor], str]:
    """Columns from the cache, or drawn and put there; a file that is not what was written is drawn and written anew.

    Args:
        name: of the data set, with which the file's name begins.
        recipe: a text that differs where the columns may differ: seed, settings, versions.
        draw: makes the columns [N, ...].
        folder: of the files; default ``drawn`` in :func:`ppgen.files.cache_folder`.

    Returns:
        The columns and their :func:`columns_hash`.
    """
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    path = (cache_folder() / "drawn" if folder is None else folder) / f"{name}-{key}.safetensors"
    found = _read(path)
    if found is None:
        columns = {column: values.contiguous() for column, values in draw().items()}
        found = columns, columns_hash(columns)
        facts = {"recipe": recipe, "columns": json.dumps(list(columns)), "hash": found[1]}
        try:
            replace(path, lambda part: save_file(columns, part, metadata=facts))
        except CheckpointError as error:
            warnings.warn(f"{name} could not be kept and is drawn anew each time: {error.got}", stacklevel=2)
    return found


def columns_hash(columns: Mapping[str, Tensor]) -> str:
    """SHA-256 of the names, types, shapes and bytes of some columns, in hexadecimal digits.

    Args:
        columns: tensors [N, ...] by name; their order does not count.
    """
    digest = hashlib.sha256()
    for name, values in sorted(columns.items()):
        array = values.cpu().contiguous().numpy()
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, Tensor], str] | None:
    """The columns of a file, or ``None`` where there is no such file or it is not what was written."""
    try:
        with safe_open(str(path), "pt") as file:
            facts = file.metadata() or {}
            columns = {name: file.get_tensor(name) for name in json.loads(facts["columns"])}
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    return (columns, facts["hash"]) if facts.get("hash") == columns_hash(columns) else None
