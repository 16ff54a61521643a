"""Pipes, devices, folders, sockets and endless links in the place of a run's files: refused by name, not waited for."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ppgen
from ppgen.cli.runs import find_runs, scored_runs
from ppgen.errors import CheckpointError, PpgenError
from ppgen.evaluation.scorecard import Scorecard
from ppgen.files import holds_file, read_sealed
from ppgen.runs import RunFolder, checkpoint
from tests.runs.damaged import read_all

FILES = ("run.json", "history.jsonl", "model.safetensors", "scores.json", "per_datum.npy", "posterior.nc")


def bind(path: Path) -> None:
    """A socket; from inside its folder, since the names of sockets are short."""
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    os.chdir(here)


KINDS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": bind,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to a folder": lambda path: path.symlink_to(path.parent),
}


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """What waits for a pipe's other end fails."""

    def waited(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, waited)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def refused(path: Path, act: Callable[[], object]) -> None:
    """By an error of ours that names the file and says what to do."""
    with pytest.raises(CheckpointError) as caught:
        act()
    assert str(path) in str(caught.value)
    assert caught.value.fix


def fit(run: Path, *, resume: bool) -> ppgen.Fit:
    model = ppgen.models.VAE((1, 8, 8), latent_dim=2, hidden=(4,))
    settings = {"max_epochs": 2, "batch_size": 512, "progress": False, "device": "cpu"}
    return ppgen.fit(model, "digits", out=run, resume=resume, **settings)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_neither_read_nor_taken_for_a_free_name(tmp_path: Path, kind: str) -> None:
    run, files = RunFolder(tmp_path), ("run.json", "history.jsonl", "checkpoint/latest.json")
    (tmp_path / "checkpoint").mkdir()
    for name in files:
        KINDS[kind](tmp_path / name)
    record, history, pointer = (tmp_path / name for name in files)
    for ask in (run.read, lambda: run.exists, lambda: find_runs([str(tmp_path)]), lambda: read_sealed(record)):
        refused(record, ask)
    for ask in (run.read_history, lambda: run.append_history({"epoch": 1})):
        refused(history, ask)
    refused(pointer, lambda: checkpoint.latest(run.checkpoint))
    refused(record, lambda: RunFolder(tmp_path, overwrite=True))


def test_every_reader_of_a_run_names_a_pipe(run_copy: Path) -> None:
    places = [*(run_copy / name for name in FILES), *(run_copy / "checkpoint").iterdir()]
    for path in places:
        kept = path.rename(path.with_name("kept"))
        os.mkfifo(path)
        refused(path, lambda: read_all(run_copy))
        if path.name == "scores.json":
            refused(path, lambda: scored_runs([str(run_copy)], device="cpu"))
        if path.name == "per_datum.npy":
            refused(path, lambda: Scorecard.load(run_copy))
        kept.replace(path)
    read_all(run_copy)


@pytest.mark.parametrize("name", ["run.json", "checkpoint/latest.json", "run.lock", "checkpoint", ".new"])
def test_a_fit_that_is_taken_up_does_not_begin_anew(run_copy: Path, name: str) -> None:
    place = run_copy / name
    shutil.rmtree(place, ignore_errors=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    before = (run_copy / "history.jsonl").read_text()
    with pytest.raises(PpgenError, match=str(run_copy)):
        fit(run_copy, resume=True)
    assert (run_copy / "history.jsonl").read_text() == before


def test_a_link_to_a_file_is_a_file(run_copy: Path) -> None:
    kept = (run_copy / "model.safetensors").rename(run_copy / "elsewhere")
    (run_copy / "model.safetensors").symlink_to(kept.name)
    assert holds_file(run_copy / "model.safetensors")
    assert not holds_file(run_copy / "nothing")
    read_all(run_copy)
