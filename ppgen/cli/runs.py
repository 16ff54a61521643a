"""Run folders as a command meets them: found, and opened with the user's own model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ppgen.cli.options import load_data
from ppgen.cli.source import construct, declares, load_member
from ppgen.errors import CheckpointError

if TYPE_CHECKING:
    from ppgen.fitting import Fit

__all__ = ["find_runs", "note_sources", "open_run", "run_options", "scored_runs"]

F = TypeVar("F", bound=Callable[..., Any])


def run_options(function: F) -> F:
    """Add ``--model``, ``--guide`` and ``--data``, which a command needs to open a run that is not all ppgen's own."""
    for option in (
        click.option("--data", metavar="PATH", help="Where the run's data lies now, if it was moved."),
        click.option("--guide", metavar="FILE.py:Class", help="Your own guide's class, if its file was moved."),
        click.option("--model", metavar="FILE.py:Class", help="Your own model's class, if its file was moved."),
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

    Args:
        folder: of the run.
        sources: ``{"model": {"from": "my_models.py:LadderVAE", "settings": {"latent_dim": 16}}}``.
    """
    from ppgen.fitting.run_folder import RunFolder

    if sources:
        run = RunFolder(folder)
        run.write({**run.read(), "sources": sources})


def open_run(folder: Path, *, model: str | None = None, guide: str | None = None, data: str | None = None) -> Fit:
    """Load a run; a class of the user's own is built from the user's own file, never from the run folder.

    The file is the one named by ``--model`` or ``--guide``, else the one at the same path below the current folder
    as when the run was fitted.

    Args:
        folder: of the run.
        model: ``"FILE.py:Class"``, or ``None``.
        guide: likewise.
        data: where the data lies now, or ``None`` for where it lay.
    """
    import torch

    import ppgen
    from ppgen.fitting.run_folder import RunFolder

    record = RunFolder(folder).read()
    given: dict[str, Any] = {}
    offered = {f"{name}_shape": tuple(facts["shape"]) for name, facts in record["example"].items()}
    with torch.random.fork_rng(devices=[]):  # initial weights, which the saved ones replace
        for kind, text in (("model", model), ("guide", guide)):
            source = record.get("sources", {}).get(kind)
            if text is None and source is None:
                continue
            settings = source["settings"] if source else (record[kind] or {}).get("arguments") or {}
            maker = load_member(text or _own_file(source["from"], kind, folder), kind.capitalize())
            given[kind] = construct(maker, settings, offered | given, "--set")
    if data is not None:
        spec = record["data"]["spec"]
        given["data"] = load_data(data, binarize=spec.get("binarize") or "none", then=spec.get("then", ()))
    return ppgen.load(folder, **given)


def _own_file(text: str, kind: str, folder: Path) -> str:
    """``FILE.py:Class`` as the run recorded it, if that file is the user's and declares the class.

    A run may come from anywhere, and loading a file runs it. So a run never decides alone what is run: the file must
    lie below the current folder, outside the run's own, import ppgen and define that name.
    """
    place, _, name = text.partition(":")
    file = Path(place)
    if file.suffix != ".py":
        return text  # an installed module, which ppgen.load imports by name as well
    trusted = not file.is_absolute() and ".." not in file.parts and folder.resolve() not in file.resolve().parents
    if not (trusted and declares(file, name)):
        raise CheckpointError(
            f"{folder}: its {kind} is your own class, {text}",
            expected=f"{file} below the current folder ({Path.cwd()}), with {name} in it",
            got=(
                "no such class or file there" if trusted else "a path outside the current folder, or inside the run's"
            ),
            fix=f"--{kind} FILE.py:Class with the path of the file, or run from the folder where it was fitted",
        )
    return text
