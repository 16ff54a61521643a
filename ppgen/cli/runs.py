"""Run folders as a command meets them: found, and opened with the user's own model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ppgen.cli.options import load_data
from ppgen.cli.register import is_noted, note
from ppgen.cli.source import construct, declares, load_member
from ppgen.errors import CheckpointError

if TYPE_CHECKING:
    from ppgen.fitted import Fit

__all__ = ["find_runs", "naming", "note_sources", "open_run", "register", "run_options", "scored_runs"]

F = TypeVar("F", bound=Callable[..., Any])


def run_options(function: F) -> F:
    """Add ``--model``, ``--guide`` and ``--data``, which a command needs to open a run that is not all ppgen's own."""
    for option in (
        click.option("--data", metavar="PATH", help="Where the run's data lies now, if it was moved."),
        click.option("--guide", metavar="FILE.py:Class", help="Your own guide's class, if its file moved or changed."),
        click.option("--model", metavar="FILE.py:Class", help="Your own model's class, if its file moved or changed."),
    ):
        function = option(function)
    return function


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


def note_sources(folder: Path, sources: Mapping[str, Mapping[str, Any]]) -> None:
    """Write into ``run.json`` from which file the user's own classes came, and with which settings.

    This only says where to look: what may be run without being named again, :func:`register` notes elsewhere.

    Args:
        folder: of the run.
        sources: ``{"model": {"from": "my_models.py:LadderVAE", "settings": {"latent_dim": 16}}}``.
    """
    from ppgen.runs.run_folder import RunFolder

    if sources:
        run = RunFolder(folder)
        run.write({**run.read(), "sources": sources})


def register(sources: Mapping[str, Mapping[str, Any]]) -> None:
    """Note on this machine that the user had these files run, as they are now; see :mod:`ppgen.cli.register`."""
    for kind, source in sources.items():
        place, _, name = source["from"].partition(":")
        if place.endswith(".py"):
            try:
                note(Path(place), name)
            except CheckpointError as error:  # the fit is none the worse for it
                click.echo(f"{error}\nUntil then, name the file to later commands: --{kind} {source['from']}", err=True)


def naming(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The options by which a later command must be told of classes that it would not take from the run folder."""
    named = {kind: source["from"] for kind, source in sources.items() if not _is_local(source["from"])}
    return [word for kind, text in named.items() for word in (f"--{kind}", text)]


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
    from ppgen.runs.run_folder import RunFolder

    record = RunFolder(folder).read()
    given: dict[str, Any] = {}
    offered = {f"{name}_shape": tuple(facts["shape"]) for name, facts in record["example"].items()}
    with torch.random.fork_rng(devices=[]):  # initial weights, which the saved ones replace
        for kind, text in (("model", model), ("guide", guide)):
            source = _source(record, kind, folder)
            if text is None and not source:
                continue
            settings = source["settings"] if source else (record[kind] or {}).get("arguments") or {}
            maker = load_member(text, kind.capitalize()) if text else _recorded(source, kind, folder)
            given[kind] = construct(maker, settings, offered | given, "--set")
    if data is not None:
        spec = record["data"]["spec"]
        given["data"] = load_data(data, binarize=spec.get("binarize") or "none", steps=spec.get("steps", ()))
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


def _recorded(source: Mapping[str, Any], kind: str, folder: Path) -> Callable[..., Any]:
    """The class, or function, that a run names as its source, if that is something which may be run.

    A run may come from anywhere, and loading a file runs it. So a run never decides what is run: a file must lie below
    the current folder, outside the run's own, and be one that was fitted on this machine, unchanged since; a class in
    a module must be one of a kind that could be the source, and imported already.
    """
    from ppgen.runs.allowed_classes import KINDS, known_class

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
    )


def _is_local(text: str) -> bool:
    """Whether ``FILE.py:Class`` names a file below the current folder."""
    place = Path(text.partition(":")[0])
    return place.suffix == ".py" and not place.is_absolute() and ".." not in place.parts
