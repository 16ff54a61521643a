"""A new run takes the place of an old one only when it is whole, whenever it is killed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import CheckpointError
from ppgen.models import VAE
from ppgen.runs import RunFolder
from ppgen.runs.succession import DRAFT, succeed

X = torch.rand(40, 4).round()


class Killed(BaseException):
    """What a process does not survive."""


def fitted(out: Any, latent_dim: int, **settings: Any) -> ppgen.Fit:
    torch.manual_seed(0)
    model = VAE((4,), latent_dim, hidden=(4,))
    return ppgen.fit(model, X, out=out, progress=False, **{"max_epochs": 1, "batch_size": 10, **settings})


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Kill(ppgen.Callback):
    def epoch(self, training: Any) -> None:
        if training.epoch == 2:
            raise Killed


def started_over(path: Path, latent_dim: int = 3) -> None:
    with pytest.raises(Killed):
        fitted(RunFolder(path, overwrite=True), latent_dim, max_epochs=3, callbacks=[Kill()])


def test_an_old_run_is_there_until_the_new_one_has_come_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "run"
    ppgen.evaluate(fitted(path, 2), ["log_prob"], num_particles=2, progress=False).save(path)
    before = contents(path)
    started_over(path)
    after = contents(path)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith(DRAFT) for name in set(after) - set(before) - {"run.lock"})
    assert ppgen.load(path, data=X).model.latent_dim == 2


def test_a_killed_successor_is_taken_up_and_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "run"
    whole = fitted(tmp_path / "whole", 3, max_epochs=3)
    ppgen.evaluate(fitted(path, 2), ["log_prob"], num_particles=2, progress=False).save(path)
    (path / "thesis.tex").write_text("years of work")
    started_over(path)
    fit = fitted(path, 3, max_epochs=3, resume=True)
    assert fit.folder == path
    assert not (path / DRAFT).exists()
    assert not (path / "scores.json").exists(), "scores of other weights"
    assert (path / "thesis.tex").read_text() == "years of work"
    loaded = ppgen.load(path, data=X)
    for ours, theirs in zip(whole.model.parameters(), loaded.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_what_is_begun_a_third_time_starts_over(tmp_path: Path) -> None:
    path = tmp_path / "run"
    fitted(path, 2)
    started_over(path)
    fit = fitted(RunFolder(path, overwrite=True), 4)
    assert len(fit.history) == 1
    assert ppgen.load(path, data=X).model.latent_dim == 4
    assert not (path / DRAFT).exists()


@pytest.mark.parametrize("moment", range(6))
def test_a_kill_while_it_moves_leaves_what_the_next_reader_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    path, new = tmp_path / "run", tmp_path / "new"
    fitted(path, 2)
    ppgen.evaluate(ppgen.load(path, data=X), ["log_prob"], num_particles=2, progress=False).save(path)
    fitted(new, 3)
    wanted = contents(new)
    new.rename(path / DRAFT)
    done = 0

    def until_killed(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done > moment:
                raise Killed
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", until_killed(os.replace))
        patch.setattr(shutil, "rmtree", until_killed(shutil.rmtree))
        with pytest.raises(Killed):
            succeed(path)
    assert ppgen.load(path, data=X).model.latent_dim == 3
    assert contents(path) == wanted


def test_a_successor_that_is_not_finished_or_damaged_moves_nothing(tmp_path: Path) -> None:
    path, new = tmp_path / "run", tmp_path / "new"
    fitted(path, 2)
    fitted(new, 3)
    new.rename(path / DRAFT)
    record = RunFolder(path / DRAFT).read()
    RunFolder(path / DRAFT).write({**record, "finished": False})
    assert ppgen.load(path, data=X).model.latent_dim == 2
    (path / DRAFT / "run.json").write_text('{"finished": true, "format": 2}')
    assert ppgen.load(path, data=X).model.latent_dim == 2
    with pytest.raises(CheckpointError, match="damaged"):
        fitted(path, 3, resume=True)
