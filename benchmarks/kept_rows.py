"""Rows of a table that programs measure one by one: a file of JSON lines, in which a new row replaces the old one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["keep", "kept"]


def kept(path: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a file, in the order of the names; none where there is no file.

    Args:
        path: of lines of JSON, each with a ``"name"``.
        names: of all rows that there may be.
    """
    lines = path.read_text().splitlines() if path.exists() else []
    known = {row["name"]: row for row in map(json.loads, lines)}
    return [known[name] for name in names if name in known]


def keep(row: Mapping[str, Any], path: Path, names: Sequence[str]) -> None:
    """Write a row in the place of the last one of its name.

    Args:
        row: with a ``"name"``.
        path: of the file.
        names: of all rows that there may be.
    """
    rows = {each["name"]: each for each in kept(path, names)} | {row["name"]: dict(row)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(rows[name]) + "\n" for name in names if name in rows))
