"""A run as a folder: what was fitted, how it went, and the weights. Data only, never code."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

import ppgen
from ppgen.errors import CheckpointError, SettingError

__all__ = ["RunFolder", "versions"]


def versions() -> dict[str, str]:
    """What the same numbers depend on: versions, and the number of threads."""
    import pyro

    return {
        "ppgen": ppgen.__version__,
        "torch": torch.__version__,
        "pyro": pyro.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
    }


class RunFolder:
    """Paths and files of one run.

    Args:
        path: the folder; made when first written to.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise SettingError(
                f"{self.path} is a file", expected="a folder for the run", fix="choose another out=..., or remove it"
            )

    @property
    def weights(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def history(self) -> Path:
        return self.path / "history.jsonl"

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "run.json").is_file()

    @property
    def is_finished(self) -> bool:
        """Whether the run here came to its end."""
        return self.exists and bool(self.read().get("finished"))

    def write(self, record: Mapping[str, Any]) -> None:
        """Write ``run.json`` atomically.

        Raises:
            SettingError: if the folder cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            temporary = self.path / ".run.json.tmp"
            temporary.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
            os.replace(temporary, self.path / "run.json")
        except OSError as error:
            raise SettingError(
                f"{self.path}: the run folder cannot be written",
                got=str(error),
                fix="choose another out=..., with space and permission to write",
            ) from error

    def read(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            CheckpointError: if it is missing or not what ppgen wrote.
        """
        path = self.path / "run.json"
        fix = "pass the folder that `ppgen fit --out` made, such as runs/vae"
        if not path.is_file():
            raise CheckpointError(f"{self.path}: no run here", expected="a folder with run.json in it", fix=fix)
        try:
            record = json.loads(path.read_text())
        except (ValueError, UnicodeDecodeError, OSError) as error:
            raise CheckpointError(f"{path}: damaged", expected="JSON", got=str(error), fix=fix) from error
        if not isinstance(record, dict) or "model" not in record or "data" not in record:
            raise CheckpointError(f"{path}: not a run of ppgen", expected="an object with model, data ...", fix=fix)
        return record

    def rewrite_history(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace ``history.jsonl``, one line an epoch."""
        temporary = self.path / ".history.jsonl.tmp"
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.replace(temporary, self.history)

    def append_history(self, row: Mapping[str, Any]) -> None:
        """Add one line to ``history.jsonl``."""
        with self.history.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def read_history(self) -> list[dict[str, Any]]:
        """All whole lines of ``history.jsonl``."""
        if not self.history.is_file():
            return []
        rows = []
        for line in self.history.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break  # a kill in the middle of a line: what follows was never written
        return rows
