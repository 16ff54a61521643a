"""Callbacks: told of every moment, heard where they stop or log, and without a mark on the fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import DivergenceError, SettingError
from ppgen.models import VAE
from ppgen.training import callbacks, loop
from tests.oracles.state import rows_without_time, same, state_of

X = torch.bernoulli(torch.full((48, 4), 0.5, dtype=torch.float32), generator=torch.Generator().manual_seed(0))


def fit(**settings: Any) -> ppgen.fitted.Fit:
    torch.manual_seed(0)
    model = VAE((4,), 2, hidden=(4,))
    return ppgen.fit(model, X, **{"max_epochs": 3, "batch_size": 13, "progress": False} | settings)


class Diary(ppgen.Callback):
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def start(self, training: Any) -> None:
        self.told.append(("start", training.epoch, training.step))

    def step(self, training: Any) -> None:
        self.told.append(("step", training.epoch, training.step, "loss" in training.record))

    def epoch(self, training: Any) -> None:
        self.told.append(("epoch", training.epoch, training.step, training.row["epoch"], "valid" in training.row))

    def end(self, training: Any) -> None:
        self.told.append(("end", training.epoch, training.step, training.stopped))


def test_every_moment_is_told_once() -> None:
    diary = Diary()
    fit(max_epochs=2, callbacks=[diary])
    steps = [("step", 0, n, True) for n in (1, 2, 3)] + [("epoch", 1, 3, 1, True)]
    more = [("step", 1, n, True) for n in (4, 5, 6)] + [("epoch", 2, 6, 2, True)]
    assert diary.told == [("start", 0, 0), *steps, *more, ("end", 2, 6, "")]


class Draws(ppgen.Callback):
    """Looks, draws and asks at every moment."""

    def step(self, training: Any) -> None:
        torch.rand(5)
        training.fit.sample(2)

    def epoch(self, training: Any) -> None:
        training.fit.elbo()
        torch.randn(3)

    start = end = epoch


def test_what_a_callback_draws_changes_no_fit() -> None:
    plain, watched = fit(), fit(callbacks=[Draws()])
    assert same(state_of(plain), state_of(watched))
    assert rows_without_time(plain.history) == rows_without_time(watched.history)


class Norm(ppgen.Callback):
    def epoch(self, training: Any) -> None:
        training.log("norm", sum(p.square().sum() for p in training.fit.model.parameters()))


def test_what_it_logs_is_in_history_and_on_disk(tmp_path: Path) -> None:
    found = fit(callbacks=[Norm()], out=tmp_path / "run")
    assert [row["logged"]["norm"] > 0 for row in found.history] == [True] * 3
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["logged"] for line in lines] == [row["logged"] for row in found.history]
    assert ppgen.load(tmp_path / "run", data=X).history == found.history


@pytest.mark.parametrize("value", [float("nan"), None, torch.ones(2), "much"])
def test_what_is_no_number_is_not_logged(value: Any) -> None:
    class Wrong(ppgen.Callback):
        def epoch(self, training: Any) -> None:
            training.log("it", value)

    with pytest.raises(SettingError, match="'it' is no finite number") as caught:
        fit(callbacks=[Wrong()])
    assert caught.value.fit.elbo().kind == "lower bound"  # type: ignore[attr-defined]


class Stop(ppgen.Callback):
    def __init__(self, at: int, moment: str) -> None:
        setattr(self, moment, lambda training: training.stop("enough") if training.step == at else None)


@pytest.mark.parametrize(("at", "moment", "epochs"), [(3, "epoch", [1]), (4, "step", [1]), (0, "start", [])])
def test_training_stops_where_it_says(at: int, moment: str, epochs: list[int], tmp_path: Path) -> None:
    found = fit(callbacks=[Stop(at, moment)], out=tmp_path / "run")
    assert found.stopped == "enough"
    assert [row["epoch"] for row in found.history] == epochs
    assert ppgen.load(tmp_path / "run", data=X).stopped == "enough"


def test_a_run_that_was_stopped_stays_so_until_it_has_more_epochs(tmp_path: Path) -> None:
    """In the middle of an epoch or at its end; and then it goes on to the bits of a run that was never stopped."""
    for at, moment in ((4, "step"), (3, "epoch")):
        run = tmp_path / moment
        first = fit(callbacks=[Stop(at, moment)], out=run)
        again = fit(out=run, resume=True)
        assert (again.stopped, rows_without_time(again.history)) == ("enough", rows_without_time(first.history))
        assert same(state_of(again), state_of(first))
        assert same(state_of(fit(out=run, resume=True, max_epochs=4)), state_of(fit(max_epochs=4)))


def test_what_is_over_cannot_be_stopped() -> None:
    class Late(ppgen.Callback):
        def end(self, training: Any) -> None:
            training.stop("too late")

    assert fit(callbacks=[Late()]).stopped == ""


@pytest.mark.parametrize("moment", ["start", "step", "end"])
def test_only_an_epoch_has_a_row_to_log_into(moment: str) -> None:
    hasty = ppgen.Callback()
    setattr(hasty, moment, lambda training: training.log("it", 1.0))
    with pytest.raises(SettingError, match="no row of history for 'it'"):
        fit(callbacks=[hasty])


def test_weights_that_a_callback_spoils_end_no_fit() -> None:
    class Spoil(ppgen.Callback):
        def epoch(self, training: Any) -> None:
            if training.epoch == 3:
                next(training.fit.model.parameters()).data.fill_(float("nan"))

    with pytest.raises(DivergenceError, match="is not finite, though every loss"):
        fit(callbacks=[Spoil()])


def test_a_copy_saved_on_the_way_is_not_where_the_run_is_kept(tmp_path: Path) -> None:
    class Save(ppgen.Callback):
        def epoch(self, training: Any) -> None:
            training.fit.save(tmp_path / f"epoch-{training.epoch}")

    found = fit(callbacks=[Save()], out=tmp_path / "run")
    assert found.folder == tmp_path / "run"
    assert ppgen.load(tmp_path / "epoch-2", data=X).elbo().kind == "lower bound"


@pytest.mark.parametrize("reason", ["", None, "interrupted"])
def test_a_reason_is_a_text_of_its_own(reason: Any) -> None:
    class Wrong(ppgen.Callback):
        def start(self, training: Any) -> None:
            training.stop(reason)

    with pytest.raises(SettingError, match="for a reason"):
        fit(callbacks=[Wrong()])


@pytest.mark.parametrize("moment", ["start", "step", "epoch", "end"])
def test_one_that_fails_loses_nothing(moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)

    def fail(training: Any) -> None:
        if (training.step in (0, 4, 6, 9) and moment != "start") or moment == "start":
            raise ZeroDivisionError("in a callback")

    broken = ppgen.Callback()
    setattr(broken, moment, fail)
    with pytest.raises(ZeroDivisionError) as caught:
        fit(callbacks=[broken], out=tmp_path / "run")
    assert caught.value.fit.elbo().kind == "lower bound"  # type: ignore[attr-defined]
    resumed = fit(out=tmp_path / "run", resume=True)
    assert same(state_of(resumed), state_of(fit()))
    assert rows_without_time(resumed.history) == rows_without_time(fit().history)


@pytest.mark.parametrize("wrong", [Diary, [Diary], print, ["log"], 3])
def test_what_is_no_callback_is_named(wrong: Any) -> None:
    with pytest.raises(SettingError, match="no callback"):
        fit(callbacks=wrong)


def test_headlines() -> None:
    assert callbacks._headline({"train": {"loss": 3.0, "elbo": -3.0}}) == "train elbo -3.00"
    assert callbacks._headline({"train": {}, "valid": {"log_joint": -2.5, "loss": 2.5}}) == "valid log_joint -2.50"
    row = {"train": {"critic_loss": 1.0, "generator_loss": 2.0, "more": 3.0}}
    assert callbacks._headline(row) == "train critic_loss 1.00, generator_loss 2.00"
