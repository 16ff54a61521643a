"""A run that was stopped anywhere, and taken up, ends with the same numbers, bit for bit, as one that was not."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen.data import Dataset
from ppgen.errors import CheckpointError, DivergenceError
from ppgen.fitted import Fit
from ppgen.models import GAN, GatedPixelCNN
from ppgen.runs import checkpoint
from ppgen.runs.run_folder import RunFolder
from ppgen.training import loop
from ppgen.training.loop import Loop
from ppgen.training.step import TrainingStep
from tests.oracles.state import rows_without_time, same, state_of

Make = Callable[..., Fit]


def at_call(
    patch: pytest.MonkeyPatch, number: int, act: Callable[[], Any], on: Any = (TrainingStep, "__call__")
) -> None:
    """Let something happen before the given call of a method."""
    original, calls = getattr(*on), itertools.count(1)

    def acting(self: Any, *args: Any) -> Any:
        if next(calls) == number:
            act()
        return original(self, *args)

    patch.setattr(*on, acting)


def press_ctrl_c() -> None:
    """Send this process SIGINT, as a user does."""
    signal.raise_signal(signal.SIGINT)


def history_on_disk(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


# Five batches an epoch: the first step, the middle of an epoch, its last batch, and the first of the next one.
@pytest.mark.parametrize("step", [1, 3, 5, 6, 23])
def test_ctrl_c_saves_and_resume_ends_the_same(
    noisy_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = noisy_fit(out=tmp_path / "whole")
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        at_call(patch, step, press_ctrl_c)
        stopped = noisy_fit(out=tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is handler
    assert stopped.stopped == "interrupted"
    assert len(stopped.history) == (step - 1) // 5
    assert checkpoint.latest(tmp_path / "run" / "checkpoint") == step
    assert not (tmp_path / "run" / "model.safetensors").exists()
    taken_up = noisy_fit(out=tmp_path / "run", resume=True)
    assert taken_up.stopped == whole.stopped
    assert same(state_of(taken_up), state_of(whole))
    assert rows_without_time(taken_up.history) == rows_without_time(whole.history)
    assert rows_without_time(history_on_disk(tmp_path / "run")) == rows_without_time(whole.history)
    assert taken_up.elbo() == whole.elbo()


def test_ctrl_c_between_two_epochs(noisy_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While validating, the loop goes on to the end of the next step, and loses nothing."""
    whole = noisy_fit()
    with monkeypatch.context() as patch:
        at_call(patch, 2, press_ctrl_c, on=(Loop, "_close_epoch"))
        assert noisy_fit(out=tmp_path / "run").stopped == "interrupted"
    taken_up = noisy_fit(out=tmp_path / "run", resume=True)
    assert same(state_of(taken_up), state_of(whole))


def test_three_stops_are_as_good_as_none(noisy_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = noisy_fit(patience=None)
    for step in (3, 11, 9):
        with monkeypatch.context() as patch:
            at_call(patch, step, press_ctrl_c)
            assert noisy_fit(out=tmp_path / "run", resume=True, patience=None).stopped == "interrupted"
    taken_up = noisy_fit(out=tmp_path / "run", resume=True, patience=None)
    assert same(state_of(taken_up), state_of(whole))
    assert len(taken_up.history) == 6


def test_ctrl_c_without_a_folder_gives_the_fit_as_it_is(noisy_fit: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        at_call(patch, 9, press_ctrl_c)
        fit = noisy_fit()
    assert fit.stopped == "interrupted"
    assert len(fit.history) == 1
    assert fit.elbo().kind == "lower bound"


class Killed(BaseException):
    pass


def die(*args: Any, **kwargs: Any) -> None:
    raise Killed


def test_a_kill_at_any_checkpoint(noisy_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints by the clock, at every step; then nothing is left to run, as after kill -9."""
    whole = noisy_fit()
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    for step in (2, 5, 19):
        with monkeypatch.context() as patch:
            at_call(patch, step + 1, die)
            with pytest.raises(Killed):
                noisy_fit(out=tmp_path / str(step))
        taken_up = noisy_fit(out=tmp_path / str(step), resume=True)
        assert same(state_of(taken_up), state_of(whole))
        assert rows_without_time(taken_up.history) == rows_without_time(whole.history)


def test_early_stopping_is_not_forgotten(noisy_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after it had stopped early, yet before the last files were written: it does not train on."""
    settings: dict[str, Any] = {"learning_rate": 0.3, "schedule": "constant", "patience": 1, "max_epochs": 30}
    whole = noisy_fit(**settings)
    assert whole.stopped == "early"
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", die)
        with pytest.raises(Killed):
            noisy_fit(out=tmp_path / "run", **settings)
    taken_up = noisy_fit(out=tmp_path / "run", resume=True, **settings)
    assert taken_up.stopped == "early"
    assert len(taken_up.history) == len(whole.history)
    assert same(state_of(taken_up), state_of(whole))
    longer = noisy_fit(out=tmp_path / "run", resume=True, **(settings | {"patience": 30}))
    assert len(longer.history) == 30


def test_more_epochs_are_the_same_run_continued(noisy_fit: Make, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"schedule": "constant", "patience": None}
    whole = noisy_fit(max_epochs=5, **settings)
    noisy_fit(max_epochs=2, out=tmp_path / "run", **settings)
    longer = noisy_fit(max_epochs=5, out=tmp_path / "run", resume=True, **settings)
    assert same(state_of(longer), state_of(whole))
    again = noisy_fit(max_epochs=5, out=tmp_path / "run", resume=True, **settings)
    assert same(state_of(again), state_of(whole))
    assert len(again.history) == 5


def test_two_fits_that_take_turns_in_one_process_never_meet(noisy_fit: Make, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"schedule": "constant", "patience": None}
    alone = {seed: noisy_fit(seed=seed, max_epochs=3, **settings) for seed in (1, 2)}
    for epochs in (1, 2, 3):
        in_turns = {
            seed: noisy_fit(seed=seed, max_epochs=epochs, out=tmp_path / str(seed), resume=True, **settings)
            for seed in (1, 2)
        }
    assert all(same(state_of(in_turns[seed]), state_of(alone[seed])) for seed in (1, 2))
    assert not same(state_of(in_turns[1]), state_of(in_turns[2]))


@pytest.mark.parametrize("family", ["gan", "pixelcnn"])
def test_other_families_resume_as_exactly(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The critic is of the objective; its weights and its optimizer are carried on too."""
    data = ppgen.data.from_tensors(torch.bernoulli(torch.full((60, 1, 8, 8), 0.3)))

    def run(out: Path | None, resume: bool = False) -> Fit:
        torch.manual_seed(0)
        model = GAN((1, 8, 8), latent_dim=4, hidden=(8,)) if family == "gan" else GatedPixelCNN((1, 8, 8), 4, 1)
        return ppgen.fit(model, data, max_epochs=3, batch_size=16, out=out, resume=resume, progress=False, device="cpu")

    whole = run(None)
    with monkeypatch.context() as patch:
        at_call(patch, 5, press_ctrl_c)
        run(tmp_path / "run")
    taken_up = run(tmp_path / "run", resume=True)
    assert same(state_of(taken_up), state_of(whole))
    assert rows_without_time(taken_up.history) == rows_without_time(whole.history)
    assert same(state_of(ppgen.load(tmp_path / "run", data=data)), state_of(whole))


def test_a_run_without_a_checkpoint_starts_anew(noisy_fit: Make, tmp_path: Path) -> None:
    whole = noisy_fit(max_epochs=1)
    (tmp_path / "run").mkdir()
    assert same(state_of(noisy_fit(max_epochs=1, out=tmp_path / "run", resume=True)), state_of(whole))


def test_a_diverged_run_keeps_its_last_good_step(
    noisy_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = ppgen.ELBO.loss, [0]

    def poisoned(self: Any, *args: Any) -> Any:
        loss = original(self, *args)
        calls[0] += 1
        return ppgen.objectives.Loss(loss.value * (float("nan") if calls[0] >= 11 else 1.0), loss.record)

    with monkeypatch.context() as patch:
        at_call(patch, 9, press_ctrl_c)  # the rehearsal's loss is the first: the tenth step will be the eleventh loss
        good = noisy_fit()
    with monkeypatch.context() as patch:
        patch.setattr(ppgen.ELBO, "loss", poisoned)
        patch.setattr(loop, "monitor", lambda *_: {})
        with pytest.raises(DivergenceError) as caught:
            noisy_fit(out=tmp_path / "run", patience=None)
    fit = caught.value.fit
    assert fit.stopped == "diverged"
    assert same(state_of(fit), state_of(good))
    assert checkpoint.latest(tmp_path / "run" / "checkpoint") == 9
    assert fit.elbo().kind == "lower bound"


def test_a_run_that_is_being_extended_says_so_until_it_ends(
    noisy_fit: Make, grey: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in a later epoch, its history and its weights are of different ones: it is not finished, and goes on."""
    settings: dict[str, Any] = {"schedule": "constant", "patience": None, "out": tmp_path / "run"}
    noisy_fit(max_epochs=2, **settings)
    (tmp_path / "run" / "scores.json").write_text("of epoch 2")
    with monkeypatch.context() as patch:
        at_call(patch, 8, die)
        with pytest.raises(Killed):
            noisy_fit(max_epochs=4, resume=True, **settings)
    assert len(history_on_disk(tmp_path / "run")) == 3
    with pytest.raises(CheckpointError, match="being extended"):
        ppgen.load(tmp_path / "run", data=grey)
    ended = noisy_fit(max_epochs=4, resume=True, **settings)
    whole = noisy_fit(max_epochs=4, **{**settings, "out": None})
    assert same(state_of(ppgen.load(tmp_path / "run", data=grey)), state_of(whole))
    assert same(state_of(ended), state_of(whole))
    assert not (tmp_path / "run" / "scores.json").exists(), "scores of other weights"
    (tmp_path / "run" / "scores.json").write_text("of epoch 4")
    noisy_fit(max_epochs=4, resume=True, **settings)
    assert (tmp_path / "run" / "scores.json").exists(), "nothing was trained"
