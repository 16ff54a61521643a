"""When a fit ends that was not told: when validation stalls, the learning rate lowered before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

import ppgen
from ppgen.objectives import ELBO
from ppgen.training import loop
from ppgen.training.step import TrainingStep
from ppgen.training.stopping import Stopping, choose_stopping, settled_after


def chosen(max_epochs: int | None = None, patience: int | None = None, **facts: Any) -> Stopping:
    known: dict[str, Any] = {"num_batches": 9, "has_validation": True, "is_constant": True}
    return choose_stopping(max_epochs, patience, **(known | facts))


def test_what_the_user_says_is_done() -> None:
    assert chosen(7) == Stopping(7)
    assert chosen(7, 3) == Stopping(7, 3)


@pytest.mark.parametrize(
    ("num_batches", "most", "waited"), [(9, 223, 45), (100, 200, 5), (391, 200, 5), (1, 2000, 400)]
)
def test_a_fit_waits_for_epochs_or_for_steps_whichever_is_longer(num_batches: int, most: int, waited: int) -> None:
    found = chosen(num_batches=num_batches)
    assert (found.max_epochs, found.patience, found.lowers) == (most, waited, True)
    assert f"{waited} epochs" in found.said


@pytest.mark.parametrize("fact", ["has_validation", "is_constant"])
def test_without_a_loss_to_wait_for_or_with_a_schedule_it_takes_so_many_steps_and_says_so(fact: str) -> None:
    found = chosen(**{fact: False})
    assert (found.max_epochs, found.patience, found.lowers) == (334, None, False)
    assert "334 epochs of 9 steps" in found.said


def test_patience_is_counted_from_the_end_of_a_warm_up() -> None:
    assert settled_after(ELBO(), 10, 3) == 0
    assert settled_after(ELBO(beta=4.0), 10, 3) == 0
    assert settled_after(ELBO(warmup=5.0), 10, 3) == 5
    assert settled_after(ELBO(warmup=50.0), 10, 3) == 10


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], list[float]]:
    """Validation losses that are given, and the learning rates of the steps."""

    def plan(losses: list[float]) -> list[float]:
        left, rates = list(losses), []
        monkeypatch.setattr(loop, "monitor", lambda *_: {"loss": left.pop(0)})
        original = TrainingStep.__call__

        def spy(self: TrainingStep, *args: Any) -> Any:
            rates.append(self.optimizers["elbo"].learning_rate)
            return original(self, *args)

        monkeypatch.setattr(TrainingStep, "__call__", spy)
        return rates

    return plan


def test_the_learning_rate_is_lowered_once_and_then_the_fit_ends(planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys.modules["ppgen.training.fit"], "choose_stopping", lambda *_, **__: Stopping(30, 2, lowers=True)
    )
    rates = planned([5.0, 4.0, 4.5, 4.5, 3.0, 3.5, 3.5, 1.0])
    fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 2, hidden=(4,)), "digits", batch_size=512, progress=False)
    assert fit.stopped == "early"
    assert len(fit.history) == 7
    per_epoch = rates[:: len(rates) // 7]
    assert per_epoch == pytest.approx([1e-3] * 4 + [2e-4] * 3)


def test_a_fit_of_the_default_length_resumes_to_the_same_bits(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppgen.training.stopping.MOST_EPOCHS", 6)
    monkeypatch.setattr("ppgen.training.stopping.MOST_STEPS", 6)
    monkeypatch.setattr("ppgen.training.stopping.STEPS_WAITED", 2)
    monkeypatch.setattr("ppgen.training.stopping.FEWEST_EPOCHS_WAITED", 1)

    class Stop(ppgen.Callback):
        def epoch(self, training: Any) -> None:
            if training.epoch == 3:
                raise KeyboardInterrupt

    def fitted(**settings: Any) -> ppgen.Fit:
        torch.manual_seed(0)
        model = ppgen.models.VAE((1, 8, 8), 2, hidden=(4,))
        return ppgen.fit(model, "digits", batch_size=512, learning_rate=0.3, progress=False, **settings)

    whole = fitted()
    with pytest.raises(KeyboardInterrupt):
        fitted(out=tmp_path / "run", callbacks=[Stop()])
    resumed = fitted(out=tmp_path / "run", resume=True)
    assert [row["valid"] for row in resumed.history] == [row["valid"] for row in whole.history]
    assert resumed.elbo() == whole.elbo()
