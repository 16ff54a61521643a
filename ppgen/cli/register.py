"""The user's own files that runs came from: named in the run's folder, and noted on this machine to be run again.

A run folder may come from anywhere, and running a file runs whatever is in it: a digest inside the folder proves
nothing. So what was fitted is noted outside, in the user's cache folder: one small file for each state of a source
file, its place, and the name used from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from ppgen.cli.source import declares, load_member
from ppgen.errors import CheckpointError

__all__ = ["Sources", "is_noted", "naming", "note", "note_sources", "recorded", "register"]

Sources = dict[str, dict[str, Any]]
"""Which of the user's files a run needs, and how: ``{"model": {"from": "my_models.py:LadderVAE", "settings": {}}}``."""


def note_sources(folder: Path, sources: Sources) -> None:
    """Write into ``run.json`` from which file the user's own classes came, and with which settings.

    This only says where to look: what may be run without being named again, :func:`register` notes elsewhere.

    Args:
        folder: of the run.
        sources: of its model and guide.
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
    from ppgen.evaluation.features import cache_folder
    from ppgen.files import digest_of

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
        kind: ``"model"`` or ``"guide"``.
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
    )


def _is_local(text: str) -> bool:
    """Whether ``FILE.py:Class`` names a file below the current folder."""
    place = Path(text.partition(":")[0])
    return place.suffix == ".py" and not place.is_absolute() and ".." not in place.parts
