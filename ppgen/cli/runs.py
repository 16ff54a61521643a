"""Run folders as a command meets them: found, opened, and the user's own files that they need."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ppgen.cli.options import limit_threads
from ppgen.cli.source import construct, declares, load_member
from ppgen.errors import CheckpointError
from ppgen.files import holds_file

if TYPE_CHECKING:
    from ppgen.fitted import Fit

__all__ = [
    "Sources",
    "by_folder",
    "find_runs",
    "is_noted",
    "is_run",
    "naming",
    "note",
    "note_sources",
    "open_run",
    "recorded",
    "register",
    "scored_runs",
]


Sources = dict[str, dict[str, Any]]
"""Which of the user's files a run needs, and how: ``{"model": {"from": "my_models.py:LadderVAE", "settings": {}}}``."""


def note_sources(folder: Path, sources: Sources) -> None:
    """Write into ``run.json`` from which file the user's own classes came, and with which settings.

    This only says where to look: what may be run without being named again, :func:`register` notes elsewhere.

    Args:
        folder: of the run.
        sources: of its model, guide and objective.
    """
    from ppgen.runs import RunFolder

    if sources:
        run = RunFolder(folder)
        run.write({**run.read(), "sources": sources})


def naming(sources: Sources) -> list[str]:
    """The options by which a later command must be told of classes that it would not take from the run folder."""
    named = {kind: source["from"] for kind, source in sources.items() if not _is_local(source["from"])}
    return [word for kind, text in named.items() for word in (f"--{kind}", text)]


def register(sources: Sources) -> None:
    """Note on this machine that the user had these files run, as they are now."""
    for kind, source in sources.items():
        place, _, name = source["from"].partition(":")
        if place.endswith(".py"):
            try:
                note(Path(place), name)
            except CheckpointError as error:  # the fit is none the worse for it
                click.echo(f"{error}\nUntil then, name the file to later commands: --{kind} {source['from']}", err=True)


def note(file: Path, name: str) -> None:
    """Note that the user had ``name`` of ``file`` run, in the file's present state.

    Args:
        file: the source file.
        name: of the class or function in it.

    Raises:
        CheckpointError: if the cache folder cannot be written.
    """
    from ppgen.files import replace

    if not is_noted(file, name):
        entry, facts = _entry(file, name)
        replace(entry, lambda temporary: temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8"))


def is_noted(file: Path, name: str) -> bool:
    """Whether ``name`` of this file, with these bytes and in this place, was fitted on this machine.

    Args:
        file: the source file.
        name: of the class or function in it.
    """
    try:
        entry, facts = _entry(file, name)
        return bool(json.loads(entry.read_text(encoding="utf-8")) == facts)
    except (OSError, ValueError):
        return False


def _entry(file: Path, name: str) -> tuple[Path, dict[str, str]]:
    """Where a state of a file is noted, and what of it."""
    from ppgen.files import cache_folder, digest_of

    facts = {"sha256": digest_of(file), "file": str(file.resolve()), "name": name}
    use = hashlib.sha256(f"{facts['file']}:{name}".encode(errors="surrogateescape")).hexdigest()[:16]
    return cache_folder() / "fitted" / f"{facts['sha256']}-{use}.json", facts


def recorded(source: Mapping[str, Any], kind: str, folder: Path) -> Callable[..., Any]:
    """The class, or function, that a run names as its source, if that is something which may be run.

    A run may come from anywhere, and loading a file runs it. So a run never decides what is run: a file must lie below
    the current folder, outside the run's own, and be one that was fitted on this machine, unchanged since; a class in
    a module must be one of a kind that could be the source, and imported already.

    Args:
        source: what ``run.json`` says.
        kind: ``"model"``, ``"guide"`` or ``"objective"``.
        folder: of the run.

    Raises:
        CheckpointError: if it may not be run.
    """
    from ppgen.runs import KINDS, known_class

    text = source.get("from")
    got = "a module that is not imported, or something else in one"
    if isinstance(text, str) and text.partition(":")[0].endswith(".py"):
        place, _, name = text.partition(":")
        if not _is_local(text) or folder.resolve() in Path(place).resolve().parents:
            got = "a path outside the current folder, or inside the run's"
        elif not declares(Path(place), name):
            got = "no such class or file there"
        elif not is_noted(Path(place), name):
            got = "a file that was not fitted here on this machine, or was changed since"
        else:
            return load_member(text, kind.capitalize())
    elif (known := known_class(text, KINDS[kind])) is not None:
        return known
    raise CheckpointError(
        f"{folder}: its {kind} is a class of somebody's own, {text}, which a run folder alone does not get run",
        expected=f"a file below the current folder ({Path.cwd()}), unchanged since a fit of it on this machine",
        got=got,
        fix=f"look at the file, and name it yourself: ppgen evaluate {folder} --{kind} FILE.py:Class",
        code="C001",
    )


def _is_local(text: str) -> bool:
    """Whether ``FILE.py:Class`` names a file below the current folder."""
    place = Path(text.partition(":")[0])
    return place.suffix == ".py" and not place.is_absolute() and ".." not in place.parts


def is_run(folder: Path) -> bool:
    """Whether a run was begun in a folder: ``RunFolder(folder).exists``, before torch is imported."""
    return holds_file(folder / "run.json")


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
        if is_run(place):
            folders.append(place)
        elif inside := sorted(file.parent for file in place.glob("*/run.json")):
            folders += inside
        elif not place.is_file():
            raise CheckpointError(
                f"{place}: no run here",
                expected="a folder with run.json in it, or a folder of such folders",
                got="an empty or other folder" if place.is_dir() else "no such folder",
                fix="ppgen fit vae --out runs/vae makes one",
                code="C002",
            )
    folders = list(dict.fromkeys(folders))
    if not folders:
        raise CheckpointError(
            "no run among these",
            expected="run folders",
            got=" ".join(places) or "nothing",
            fix="ppgen compare runs/*",
            code="C003",
        )
    names = [folder.resolve().name for folder in folders]
    return {
        name if names.count(name) == 1 else str(folder): folder for name, folder in zip(names, folders, strict=True)
    }


def scored_runs(places: Iterable[str], **opening: Any) -> dict[str, Path]:
    """Runs by name, each with scores: one that was not evaluated yet is now, with the default settings.

    Args:
        places: as :func:`find_runs` takes them.
        **opening: how one is opened, as :func:`open_run` takes it.
    """
    runs = find_runs(places)
    for folder in runs.values():
        if not holds_file(folder / "scores.json"):
            import ppgen

            click.echo(f"{folder}: not evaluated yet, doing so now", err=True)
            ppgen.evaluate(open_run(folder, **opening), progress=sys.stderr.isatty()).save(folder)
    return runs


def by_folder(runs: Iterable[Path]) -> dict[str, list[Path]]:
    """Runs by the name of the folder that they lie in, or its path where two such folders share one.

    Args:
        runs: run folders.
    """
    groups: dict[Path, list[Path]] = {}
    for run in runs:
        groups.setdefault(run.resolve().parent, []).append(run)
    names = [place.name for place in groups]
    return {place.name if names.count(place.name) == 1 else str(place): found for place, found in groups.items()}


def open_run(
    folder: Path,
    *,
    model: str | None = None,
    guide: str | None = None,
    objective: str | None = None,
    data: str | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Fit:
    """Load a run; a class of the user's own is built from the user's own file, never from the run folder.

    The file is the one named by ``--model``, ``--guide`` or ``--objective``, else the one at the same path below the
    current folder as when the run was fitted, if it is unchanged since a fit on this machine.

    Args:
        folder: of the run.
        model: ``"FILE.py:Class"``, or ``None``.
        guide: likewise.
        objective: likewise.
        data: where the data lies now, or ``None`` for where it lay.
        device: where the weights go.
        threads: CPU threads until the command ends, or ``None`` for as many as there are.
    """
    limit_threads(threads)
    import torch

    import ppgen
    from ppgen.runs import RunFolder, understood

    record = RunFolder(folder).read()
    given: dict[str, Any] = {}
    with understood(folder / "run.json"):
        offered = {f"{name}_shape": tuple(facts["shape"]) for name, facts in record["example"].items()}
        named = {"model": model, "guide": guide, "objective": objective}
        arguments = {kind: (record[kind] or {}).get("arguments") or {} for kind in named}
    with torch.random.fork_rng(devices=[]):  # initial weights, which the saved ones replace
        for kind, text in named.items():
            source = _source(record, kind, folder)
            if text or source:
                settings = source["settings"] if source else arguments[kind]
                maker = load_member(text, kind.capitalize()) if text else recorded(source, kind, folder)
                given[kind] = construct(maker, settings, offered | given, "--set")
    if data is not None:
        with understood(folder / "run.json"):
            spec = {"binarize": None, **record["data"]["spec"], "name": data, "root": None}
            given["data"] = ppgen.data.load(**spec)
    return ppgen.load(folder, device=device, **given)


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
            code="C004",
        )
    return source
