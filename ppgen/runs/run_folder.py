"""A run as a folder: what was fitted, how it went, and the weights. Data only, never code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from ppgen import __version__
from ppgen.errors import CheckpointError, SettingError
from ppgen.files import digest_of, holds_file, read_sealed, replace, sealed, write_text, writing
from ppgen.runs import history, weights
from ppgen.runs.checkpoint import latest
from ppgen.runs.lock import NAME as LOCK
from ppgen.runs.renamed import with_names_of_today
from ppgen.runs.same_run import what_differs
from ppgen.runs.succession import DRAFT, RESULTS, delete, succeed_if_killed

__all__ = ["FORMAT", "RunFolder"]

FORMAT = 3
"""Of ``run.json`` and the files beside it: every release reads the formats since the first, which had no digests."""

_PARTS = ("model", "guide", "objective", "data", "example", "settings", "facts")
_KEPT = ("sources",)
"""What others than a fit wrote into the record, and a fit keeps."""


class RunFolder:
    """Paths and files of one run: its ``weights``, ``checkpoint`` and ``history``.

    Args:
        path: the folder; made when first written to.
        overwrite: whether a new run takes the place of one that is there. That one stays whole until the new run
            has come to its end; files that are no part of a run always stay.

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
        if overwrite and not self.exists and self.path.exists() and any(p.name != LOCK for p in self.path.iterdir()):
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
        return holds_file(self.path / "run.json")

    def taken(self) -> SettingError:
        """What to say to a second run in the folder of a first."""
        return SettingError(
            f"{self.path}: there is a run in this folder already",
            expected="a new folder, or resume=True",
            got=f"{self.path / 'run.json'}",
            fix=f'out="{self.path}-2", resume=True (--resume) to take it up, or delete it',
            code="S106",
        )

    def for_a_fit(self, *, resume: bool) -> RunFolder:
        """Where a fit writes: here, or, where a run is to be overwritten, inside, until the new one is whole.

        Args:
            resume: whether a run is taken up: one that was to take this one's place and did not come to its end, else
                this one.

        Raises:
            SettingError: if there is a run, and it is to be neither taken up nor overwritten.
            CheckpointError: if the folder cannot be written.
        """
        inside = RunFolder(self.path / DRAFT)
        if resume:
            return inside if inside.exists else self
        if self.exists and not self.overwrite:
            raise self.taken()
        delete(inside.path)
        return inside if self.exists else self

    def begin(self, record: Mapping[str, Any]) -> None:
        """Start a run: the first write of a fit.

        Args:
            record: from :func:`describe_run`.

        Raises:
            CheckpointError: if the folder cannot be made or written.
        """
        with writing(self.checkpoint):
            self.checkpoint.mkdir(parents=True, exist_ok=True)
        self.write({**record, "finished": False})
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
        begun, now = self.read(), json.loads(json.dumps(record))
        if (key := what_differs(begun, now)) is not None:
            raise CheckpointError(
                f"{self.path}: the run was begun with another {key}",
                expected=f"{key}={begun.get(key, begun['settings'].get(key))!r}",
                got=f"{key}={now.get(key, now['settings'].get(key))!r}",
                fix=f"resume with the {key} that it was begun with, or choose another out=...",
                code="C016",
            )

    def extend(self) -> None:
        """Say that a run which had come to its end goes on: until it ends again, its files are of different epochs."""
        record = self.read()
        if record.get("finished"):
            self.write({**record, "finished": False})

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
        known = self.read()
        digest = weights.write(modules, self.weights)
        files = known.get("files", {}) if digest == known.get("weights") else {}
        if not files:
            self.drop_results()
        facts = {"finished": True, "seconds": seconds, "stopped": stopped, "weights": digest}
        files = {**files, self.history.name: digest_of(self.history)}
        self.write({**{key: known[key] for key in _KEPT if key in known}, **record, **facts, "files": files})

    def drop_results(self) -> None:
        """Delete what was computed from a run's earlier weights."""
        for name in RESULTS:
            delete(self.path / name)

    def write_result(self, name: str, write: Callable[[Path], object]) -> None:
        """Write a file that is computed from the weights, and its SHA-256 into the record.

        Args:
            name: of the file.
            write: writes the content to the path that it is given.

        Raises:
            CheckpointError: if the disk refuses, or the run is damaged.
        """
        record = self.read()
        others = {key: digest for key, digest in record.get("files", {}).items() if key != name}
        self.write({**record, "files": others})  # a kill between the two leaves a file of which nothing is said
        replace(self.path / name, write)
        self.write({**record, "files": {**others, name: digest_of(self.path / name)}})

    def verify_files(self, record: Mapping[str, Any]) -> None:
        """Hold every file of which the record says so against its SHA-256; a result that was deleted is no damage.

        Args:
            record: from :meth:`read`.

        Raises:
            CheckpointError: naming the file.
        """
        for name, digest in record.get("files", {}).items():
            path = self.path / Path(name).name
            if path.name in RESULTS and not os.path.lexists(path):
                continue
            got = digest_of(path) if holds_file(path) else "no such file"
            if got != digest:
                raise CheckpointError(
                    f"{path}: damaged",
                    expected=f"the file that ppgen wrote, SHA-256 {str(digest)[:16]}...",
                    got=got[:16],
                    fix="delete it: it can be computed again"
                    if path.name in RESULTS
                    else "restore it from a copy, or fit again",
                    code="C031",
                )

    def write(self, record: Mapping[str, Any]) -> None:
        """Write ``run.json`` atomically, with its format and sealed.

        Raises:
            CheckpointError: if the folder cannot be made or written.
        """
        by_name = json.loads(json.dumps({**record, "format": FORMAT}, sort_keys=True))
        write_text(self.path / "run.json", sealed(by_name))

    def read(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            CheckpointError: if it is missing, not what ppgen wrote, or of a format that this release does not read.
        """
        succeed_if_killed(self.path)
        path = self.path / "run.json"
        fix = "pass the folder that `ppgen fit --out` made, such as runs/vae"
        if not holds_file(path):
            raise CheckpointError(
                f"{self.path}: no run here",
                expected="a folder with run.json in it",
                got="no such folder" if not self.path.exists() else "a folder without run.json",
                fix=fix,
                code="C017",
            )
        try:
            record = read_sealed(path)
        except ValueError as error:
            raise CheckpointError(
                f"{path}: damaged",
                expected="what ppgen wrote: JSON that has the SHA-256 which stands in it",
                got=str(error),
                fix="restore it from a copy, or fit again",
                code="C018",
            ) from error
        missing = [key for key in ("format", *_PARTS) if key not in record]
        if missing:
            raise CheckpointError(
                f"{path}: not a run of ppgen",
                expected=f"an object with format, {', '.join(_PARTS)}",
                got=f"no {missing[0]}",
                fix=fix,
                code="C019",
            )
        if record["format"] not in range(1, FORMAT + 1):
            raise CheckpointError(
                f"{path}: a run folder of a format that ppgen {__version__} does not read",
                expected=f"format 1 to {FORMAT}",
                got=f"format {record['format']!r}, written with {record.get('versions', 'unknown versions')}",
                fix="install the ppgen that wrote it, or a later one: pip install --upgrade ppgen; or fit again",
                code="C020",
            )
        return with_names_of_today(record)

    def rewrite_history(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace ``history.jsonl``, one line an epoch."""
        history.rewrite(self.history, rows)

    def append_history(self, row: Mapping[str, Any]) -> None:
        """Add one line to ``history.jsonl``."""
        history.append(self.history, row)

    def read_history(self) -> list[dict[str, Any]]:
        """All whole lines of ``history.jsonl``."""
        return history.read(self.history)
