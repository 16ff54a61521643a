"""Run folders as a command meets them: found, and opened with the user's own model."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ppgen.cli.register import recorded
from ppgen.cli.source import construct, load_member
from ppgen.errors import CheckpointError

if TYPE_CHECKING:
    from ppgen.fitted import Fit

__all__ = ["find_runs", "open_run", "scored_runs"]


def find_runs(places: Iterable[str]) -> dict[str, Path]:
    """The run folders that ``places`` name, each a run or a folder of runs.

    Files are passed over, so that a shell's ``runs/*`` may meet a report.

    Returns:
        Folders by name: the folder's own, or its path where two would share one.

    Raises:
        CheckpointError: if a place holds no run.
    """
    folders: list[Path] = []
    for place in map(Path, places):
        if (place / "run.json").is_file():
            folders.append(place)
        elif inside := sorted(file.parent for file in place.glob("*/run.json")):
            folders += inside
        elif not place.is_file():
            raise CheckpointError(
                f"{place}: no run here",
                expected="a folder with run.json in it, or a folder of such folders",
                got="an empty or other folder" if place.is_dir() else "no such folder",
                fix="ppgen fit vae --out runs/vae makes one",
            )
    folders = list(dict.fromkeys(folders))
    if not folders:
        raise CheckpointError(
            "no run among these", expected="run folders", got=" ".join(places) or "nothing", fix="ppgen compare runs/*"
        )
    names = [folder.resolve().name for folder in folders]
    return {
        name if names.count(name) == 1 else str(folder): folder for name, folder in zip(names, folders, strict=True)
    }


def scored_runs(places: Iterable[str]) -> dict[str, Path]:
    """Runs by name, each with scores: one that was not evaluated yet is now, with the default settings."""
    runs = find_runs(places)
    for folder in runs.values():
        if not (folder / "scores.json").is_file():
            import ppgen

            click.echo(f"{folder}: not evaluated yet, doing so now", err=True)
            ppgen.evaluate(open_run(folder), progress=sys.stderr.isatty()).save(folder)
    return runs


def open_run(folder: Path, *, model: str | None = None, guide: str | None = None, data: str | None = None) -> Fit:
    """Load a run; a class of the user's own is built from the user's own file, never from the run folder.

    The file is the one named by ``--model`` or ``--guide``, else the one at the same path below the current folder
    as when the run was fitted, if it is unchanged since a fit on this machine.

    Args:
        folder: of the run.
        model: ``"FILE.py:Class"``, or ``None``.
        guide: likewise.
        data: where the data lies now, or ``None`` for where it lay.
    """
    import torch

    import ppgen
    from ppgen.runs import RunFolder

    record = RunFolder(folder).read()
    given: dict[str, Any] = {}
    offered = {f"{name}_shape": tuple(facts["shape"]) for name, facts in record["example"].items()}
    with torch.random.fork_rng(devices=[]):  # initial weights, which the saved ones replace
        for kind, text in (("model", model), ("guide", guide)):
            source = _source(record, kind, folder)
            if text or source:
                settings = source["settings"] if source else (record[kind] or {}).get("arguments") or {}
                maker = load_member(text, kind.capitalize()) if text else recorded(source, kind, folder)
                given[kind] = construct(maker, settings, offered | given, "--set")
    if data is not None:
        spec = {"binarize": None, **record["data"]["spec"], "name": data, "root": None}
        given["data"] = ppgen.data.load(**spec)
    return ppgen.load(folder, **given)


def _source(record: Mapping[str, Any], kind: str, folder: Path) -> Mapping[str, Any]:
    """What ``run.json`` says of the file that a model or guide came from; empty if it came from none."""
    sources = record.get("sources", {})
    source = sources.get(kind, {}) if isinstance(sources, Mapping) else sources
    if not (isinstance(source, Mapping) and (not source or isinstance(source.get("settings"), Mapping))):
        raise CheckpointError(
            f"{folder / 'run.json'}: damaged",
            expected=f"the source of the {kind}, with its settings",
            got=repr(source),
            fix="restore it from a copy, or fit again",
        )
    return source
