from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import CheckpointError
from ppgen.fitted import Fit
from ppgen.models import VAE
from ppgen.runs import checkpoint
from ppgen.training import loop
from ppgen.training.prepare import Problem
from ppgen.training.step import TrainingStep
from tests.oracles.state import rows_without_time, same, state_of

Make = Callable[..., Fit]


def test_a_row_for_every_epoch(noisy_fit: Make, tmp_path: Path) -> None:
    fit = noisy_fit(max_epochs=4, patience=None, out=tmp_path)
    assert [row["epoch"] for row in fit.history] == [1, 2, 3, 4]
    assert [row["step"] for row in fit.history] == [5, 10, 15, 20]  # 80 rows in batches of 16
    seconds = [row["seconds"] for row in fit.history]
    assert seconds == sorted(seconds)
    assert fit.seconds == pytest.approx(seconds[-1], abs=0.01)
    for row in fit.history:
        assert {"loss", "elbo", "rate/z", "distortion"} <= set(row["train"])
        assert {"loss", "elbo", "rate/z", "distortion", "active_units/z", "kl_per_dimension/z"} == set(row["valid"])
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == fit.history


def test_the_validation_loss_is_at_the_end_of_the_schedule(noisy_fit: Make) -> None:
    """beta rises to 2 over 2.5 epochs in training; losses of all epochs on held-out data are at beta = 2."""
    fit = noisy_fit(max_epochs=3, patience=None)
    for row in fit.history:
        valid = row["valid"]
        assert valid["loss"] == pytest.approx(valid["distortion"] + 2.0 * valid["rate/z"], abs=1e-4)
        assert valid["elbo"] == pytest.approx(-valid["distortion"] - valid["rate/z"], abs=1e-4)
    first = fit.history[0]["train"]
    assert first["loss"] < first["distortion"] + first["rate/z"]  # the warm-up: beta below 1 throughout


def test_means_weigh_every_row_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty rows in batches of 16, 16 and 8: the mean over data, not over batches."""
    seen: list[tuple[int, float]] = []
    original = TrainingStep.__call__

    def spy(self: TrainingStep, batch: Any, position: Any) -> Any:
        record = original(self, batch, position)
        seen.append((len(batch["x"]), record["elbo"].item()))
        return record

    monkeypatch.setattr(TrainingStep, "__call__", spy)
    x = torch.bernoulli(torch.full((40, 4), 0.5))
    data = ppgen.data.from_tensors({"train": x, "valid": x[:3].flip(1), "test": x[:4].flip(0)})
    fit = ppgen.fit(VAE((4,), 2, hidden=(4,)), data, max_epochs=1, batch_size=16, progress=False)
    assert sorted(rows for rows, _ in seen) == [8, 16, 16]
    expected = sum(rows * elbo for rows, elbo in seen) / 40
    assert fit.history[0]["train"]["elbo"] == pytest.approx(expected, abs=1e-5)


def test_the_learning_rate_follows_its_course(noisy_fit: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    original = TrainingStep.__call__

    def spy(self: TrainingStep, *args: Any) -> Any:
        rates.append(self.optimizers["elbo"].learning_rate)
        return original(self, *args)

    monkeypatch.setattr(TrainingStep, "__call__", spy)
    noisy_fit(max_epochs=2, patience=None, learning_rate=0.1)
    assert rates[0] == 0.1
    assert rates[5] == pytest.approx(0.05)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.005
    rates.clear()
    noisy_fit(max_epochs=2, patience=None, learning_rate=0.1, schedule="constant")
    assert set(rates) == {0.1}


@pytest.mark.parametrize(
    ("values", "patience", "best", "epochs"),
    [
        ([5.0, 4.0, 4.5, 4.2, 3.0, 9.0], 2, 1, 4),  # two epochs without a better one: the third is not waited for
        ([5.0, 4.0, 4.5, 3.0, 3.5, 2.0], 2, 5, 6),
        ([float("nan"), 4.0, 5.0, 6.0, 1.0, 1.0], 2, 1, 4),  # what is no number is no best loss
        ([4.0, 4.0, 4.0, 1.0, 1.0, 1.0], 2, 0, 3),  # an equal loss is no better one
        ([5.0, 1.0, 9.0, 9.0, 9.0, 9.0], None, 5, 6),  # without patience the last weights stay
    ],
)
def test_early_stopping_keeps_the_best_weights(
    noisy_fit: Make, monkeypatch: pytest.MonkeyPatch, values: list[float], patience: int | None, best: int, epochs: int
) -> None:
    left, states = list(values), []

    def planned(problem: Problem, *others: Any) -> dict[str, float]:
        states.append(
            {k: v.clone() for module in problem.state.modules.values() for k, v in module.state_dict().items()}
        )
        return {"loss": left.pop(0)}

    monkeypatch.setattr(loop, "monitor", planned)
    fit = noisy_fit(patience=patience, objective=ppgen.ELBO(2.0))
    assert len(fit.history) == epochs
    assert fit.stopped == ("early" if epochs < 6 else "")
    assert same({k: v for m in (fit.model, fit.guide) for k, v in m.state_dict().items()}, states[best])


def test_patience_waits_for_the_end_of_the_warm_up(noisy_fit: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [4.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    monkeypatch.setattr(loop, "monitor", lambda *_: {"loss": left.pop(0)})
    assert len(noisy_fit(patience=2).history) == 5  # it ends in the third epoch


def test_a_full_disk_in_the_middle_loses_nothing(
    noisy_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    original, calls = torch.save, [0]

    def fills_up(*args: Any) -> None:
        calls[0] += 1
        if calls[0] > 7:
            raise OSError(28, "No space left on device")
        original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", fills_up)
        with pytest.raises(CheckpointError, match="No space left") as caught:
            noisy_fit(out=tmp_path / "run")
    assert caught.value.fit.elbo().kind == "lower bound"
    assert checkpoint.latest(tmp_path / "run" / "checkpoint") == 7
    monkeypatch.undo()
    assert same(state_of(noisy_fit(out=tmp_path / "run", resume=True)), state_of(noisy_fit()))


def test_a_second_ctrl_c_ends_it_at_once(noisy_fit: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    original = TrainingStep.__call__

    def impatient(self: TrainingStep, *args: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return original(self, *args)

    monkeypatch.setattr(TrainingStep, "__call__", impatient)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            noisy_fit()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_fit_in_another_thread_has_no_signals(noisy_fit: Make) -> None:
    done: list[Fit] = []
    thread = threading.Thread(target=lambda: done.append(noisy_fit(max_epochs=1, patience=None)))
    thread.start()
    thread.join()
    assert rows_without_time(done[0].history) == rows_without_time(noisy_fit(max_epochs=1, patience=None).history)


def test_the_bar_says_how_it_stands(noisy_fit: Make, capsys: pytest.CaptureFixture[str]) -> None:
    noisy_fit(max_epochs=2, progress=True)
    shown = capsys.readouterr().err
    assert "ELBO(beta=2, warmup=2.5)" in shown
    assert "10/10" in shown
    assert "valid elbo -" in shown
    noisy_fit(max_epochs=1, progress=False)
    assert capsys.readouterr().err == ""
