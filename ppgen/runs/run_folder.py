"""A run as a folder: what was fitted, how it went, and the weights. Data only, never code."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ppgen import __version__
from ppgen.data import Dataset
from ppgen.errors import CheckpointError, SettingError
from ppgen.files import write_text, writing
from ppgen.objectives import Objective
from ppgen.runs import weights
from ppgen.runs.blueprint import blueprint, example
from ppgen.runs.checkpoint import latest

__all__ = ["FACTS", "FORMAT", "RunFolder", "describe_run", "versions"]

FORMAT = 1  # of run.json and the files beside it: every release reads the formats since the first

FACTS = ("dtypes", "discrete_likelihood", "point_guide")
"""What ``verify_fit`` finds out of data and pair, for a fit that is loaded to know."""

_ADDED = {"optimizer": "adam", "average": None}  # settings that the first runs did not have, and what they did

_PARTS = ("model", "guide", "objective", "data", "example", "settings", "facts")
_RESULTS = ("scores.json", "per_datum.npy", "posterior.nc", "figures")


def versions() -> dict[str, str]:
    """What the same numbers depend on: versions, and the number of threads."""
    import pyro

    return {
        "ppgen": __version__,
        "torch": torch.__version__,
        "pyro": pyro.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
    }


def describe_run(
    model: nn.Module,
    guide: nn.Module | None,
    objective: Objective,
    dataset: Dataset,
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of ``run.json``: classes and arguments, data, settings and versions; data only.

    Args:
        model: as it was made; likewise guide and objective.
        guide: or ``None``.
        objective: that is minimised.
        dataset: that the pair is fitted to.
        settings: the arguments of the fit.
        facts: by the names in ``FACTS``.
    """
    return {
        "model": blueprint(model),
        "guide": blueprint(guide, model),
        "objective": blueprint(objective),
        "data": {"name": dataset.name, "spec": dict(dataset.spec), "fingerprint": _fingerprint(dataset)},
        "example": example(dataset.representative_rows()),
        "settings": dict(settings),
        "facts": dict(facts),
        "versions": versions(),
    }


def _fingerprint(dataset: Dataset) -> str:
    """16 hexadecimal digits of the stored tensors of all splits: another order of the rows is another run."""
    digest = hashlib.sha256(dataset.protocol.encode())
    for split, stored in dataset.splits.items():
        for key, tensor in sorted(stored.items()):
            digest.update(f"\n{split} {key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:16]


class RunFolder:
    """Paths and files of one run: its ``weights``, ``checkpoint`` and ``history``.

    Args:
        path: the folder; made when first written to.
        overwrite: whether a new run takes the place of one that is there. That one stays whole until the new run
            begins, after all checks; files that are no part of a run always stay.

    Raises:
        SettingError: if ``path`` is none, or a file, or to be overwritten and holds files, but no run.
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise SettingError(
                "a run folder is named by its path",
                expected="a text, a pathlib.Path or a ppgen.runs.RunFolder",
                got=repr(path),
                fix='out="runs/name"',
                code="S138",
            )
        self.path, self.overwrite = Path(path), overwrite
        self.weights, self.checkpoint = self.path / "model.safetensors", self.path / "checkpoint"
        self.history = self.path / "history.jsonl"
        if self.path.exists() and not self.path.is_dir():
            raise SettingError(
                f"{self.path}: this is no folder",
                expected="a folder for the run, or a path where one can be made",
                got="a file",
                fix="choose another out=..., or remove it",
                code="S104",
            )
        if overwrite and not self.exists and self.path.exists() and any(self.path.iterdir()):
            raise SettingError(
                f"{self.path}: this is no run that could be overwritten",
                expected="a run folder, an empty folder or a new name",
                got="a folder with other files",
                fix="--out runs/NAME",
                code="S105",
            )

    @classmethod
    def at(cls, place: str | os.PathLike[str]) -> RunFolder:
        """The run folder that ``place`` is, or is the path of."""
        return place if isinstance(place, RunFolder) else cls(place)

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "run.json").is_file()

    def taken(self) -> SettingError:
        """What to say to a second run in the folder of a first."""
        return SettingError(
            f"{self.path}: there is a run in this folder already",
            expected="a new folder, or resume=True",
            got=f"{self.path / 'run.json'}",
            fix=f'out="{self.path}-2", resume=True (--resume) to take it up, or delete it',
            code="S106",
        )

    def begin(self, record: Mapping[str, Any]) -> None:
        """Start a run: the first write of a fit, which takes over from the run that is to be overwritten, if any.

        A kill at any moment leaves the earlier run without its results and checkpoints, or the new one unfinished,
        never one run's record beside the checkpoint of the other.

        Raises:
            CheckpointError: if the folder cannot be made or written.
        """
        if self.overwrite:
            json.dumps(record)  # what cannot be written must fail before anything is deleted
            self.drop_results()
            self._delete(self.checkpoint)
        self.write({**record, "finished": False})
        if self.overwrite:
            self._delete(self.weights)
        self.rewrite_history([])

    def verify_same(self, record: Mapping[str, Any]) -> None:
        """Refuse to take up a run with another model, data or setting than it was begun with.

        Args:
            record: of the fit that would take it up, from :func:`describe_run`.

        Raises:
            CheckpointError: naming what differs.
        """
        if self.read().get("finished") and latest(self.checkpoint) is None:
            raise CheckpointError(
                f"{self.path}: this run has no checkpoint to go on from",
                expected="a run folder that ppgen.fit(..., out=...) wrote while it trained",
                fix=f'ppgen.load("{self.path}"), or another out=...',
                code="C027",
            )
        begun, now = ({**each, **each["settings"]} for each in (self.read(), json.loads(json.dumps(record))))
        # A schedule ends with the last epoch: another number of epochs would be another course from the start.
        free = ("patience", "max_epochs") if now.get("schedule", "constant") == "constant" else ("patience",)
        for key in ("model", "guide", "objective", "data", *record["settings"]):
            if key not in free and begun.get(key, _ADDED.get(key)) != now[key]:
                raise CheckpointError(
                    f"{self.path}: the run was begun with another {key}",
                    expected=f"{key}={begun.get(key)!r}",
                    got=f"{key}={now[key]!r}",
                    fix=f"resume with the {key} that it was begun with, or choose another out=...",
                    code="C016",
                )

    def finish(
        self, record: Mapping[str, Any], modules: Mapping[str, nn.Module], *, seconds: float, stopped: str
    ) -> None:
        """Write the weights of a fit, and that it came to its end.

        Args:
            record: from :func:`describe_run`.
            modules: of the fit's state, by name.
            seconds: of training.
            stopped: ``"early"`` if training ended before the last epoch, else ``""``.

        Raises:
            CheckpointError: if the disk refuses.
        """
        digest = weights.write(modules, self.weights)
        self.write({**record, "finished": True, "seconds": seconds, "stopped": stopped, "weights": digest})

    def drop_results(self) -> None:
        """Delete what was computed from a run's earlier weights."""
        for name in _RESULTS:
            self._delete(self.path / name)

    @staticmethod
    def _delete(place: Path) -> None:
        with writing(place):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def write(self, record: Mapping[str, Any]) -> None:
        """Write ``run.json`` atomically, with its format.

        Raises:
            CheckpointError: if the folder cannot be made or written.
        """
        content = {"format": FORMAT, **record}
        write_text(self.path / "run.json", json.dumps(content, indent=2, sort_keys=True) + "\n")

    def read(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            CheckpointError: if it is missing, not what ppgen wrote, or of a format that this release does not read.
        """
        path = self.path / "run.json"
        fix = "pass the folder that `ppgen fit --out` made, such as runs/vae"
        if not path.is_file():
            raise CheckpointError(
                f"{self.path}: no run here",
                expected="a folder with run.json in it",
                got="no such folder" if not self.path.exists() else "a folder without run.json",
                fix=fix,
                code="C017",
            )
        try:
            record = json.loads(path.read_text())
        except (ValueError, UnicodeDecodeError, OSError) as error:
            raise CheckpointError(f"{path}: damaged", expected="JSON", got=str(error), fix=fix, code="C018") from error
        missing = [key for key in ("format", *_PARTS) if not isinstance(record, dict) or key not in record]
        if missing:
            raise CheckpointError(
                f"{path}: not a run of ppgen",
                expected=f"an object with format, {', '.join(_PARTS)}",
                got=f"no {missing[0]}",
                fix=fix,
                code="C019",
            )
        if record["format"] != FORMAT:
            raise CheckpointError(
                f"{path}: a run folder of a format that ppgen {__version__} does not read",
                expected=f"format {FORMAT}",
                got=f"format {record['format']!r}, written with {record.get('versions', 'unknown versions')}",
                fix="install the ppgen that wrote it, or a later one: pip install --upgrade ppgen; or fit again",
                code="C020",
            )
        return record

    def rewrite_history(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace ``history.jsonl``, one line an epoch."""
        write_text(self.history, "".join(json.dumps(row) + "\n" for row in rows))

    def append_history(self, row: Mapping[str, Any]) -> None:
        """Add one line to ``history.jsonl``."""
        with writing(self.history), self.history.open("a") as file:
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
