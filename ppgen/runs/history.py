"""``history.jsonl``: a line for each epoch, added as training goes on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ppgen.errors import CheckpointError
from ppgen.files import holds_file, write_text, writing

__all__ = ["append", "read", "rewrite"]


def rewrite(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace the file.

    Args:
        path: of the file.
        rows: of all epochs.
    """
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Add a line.

    Args:
        path: of the file.
        row: of an epoch.
    """
    holds_file(path)
    with writing(path), path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """All whole lines; a kill in the middle of one leaves a rest, which was never a row.

    Args:
        path: of the file.

    Raises:
        CheckpointError: if a line is no row.
    """
    if not holds_file(path):
        return []
    *lines, rest = path.read_bytes().split(b"\n")
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(_row(line))
        except (ValueError, RecursionError) as error:
            raise CheckpointError(
                f"{path}: damaged",
                expected="the row of an epoch in each line",
                got=f"line {number}: {error}",
                fix="restore it from a copy, or fit again",
                code="C029",
            ) from error
    with contextlib.suppress(ValueError, RecursionError):
        rows.append(_row(rest))
    return rows


def _row(line: bytes) -> dict[str, Any]:
    row = json.loads(line)
    if not (isinstance(row, dict) and isinstance(row.get("epoch"), int) and isinstance(row.get("train", {}), dict)):
        raise ValueError("no row of an epoch")
    return row
