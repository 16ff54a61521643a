"""Translations in the one training loop: broken off between two turns and taken up, to the bit, pool and all."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen import data
from ppgen.errors import DivergenceError
from ppgen.models import CycleGAN, Pix2Pix
from ppgen.training import loop
from tests.oracles.state import rows_without_time, same, state_of

X = (1, 8, 8)


class Stop(ppgen.Callback):
    def step(self, training: Any) -> None:
        if training.step == 5:  # in the middle of an epoch
            raise KeyboardInterrupt


class Kill(ppgen.Callback):
    def step(self, training: Any) -> None:
        if training.step == 6:  # in the middle of an epoch
            os.kill(os.getpid(), signal.SIGKILL)


def play(name: str, **settings: Any) -> ppgen.Fit:
    torch.manual_seed(0)
    draws = torch.Generator().manual_seed(1)
    x, given = torch.rand(64, *X, generator=draws), torch.rand(50, *X, generator=draws)
    made: dict[str, tuple[Any, Any, Any]] = {
        "pairs": (Pix2Pix(X, hidden=(4, 4)), {"train": {"x": x[:50], "given": given}}, ppgen.PairedTranslation()),
        "domains": (
            CycleGAN(X, X, width=2, num_blocks=1),
            data.unpaired(a=x, b=given, valid=0, test=0),
            ppgen.CycleTranslation(identity=1.0, pool=24),
        ),
        "moved domains": (
            CycleGAN(X, X, width=2, num_blocks=1, num_halvings=1, translator="affine"),
            data.unpaired(a=x, b=given, valid=0, test=0),
            ppgen.CycleTranslation(cycle=1.0),
        ),
    }
    model, rows, objective = made[name]
    chosen: dict[str, Any] = {"max_epochs": 2, "batch_size": 16, "progress": False, "device": "cpu"}
    return ppgen.fit(model, rows, objective=objective, average={"generator": 0.9}, **chosen | settings)


@pytest.mark.parametrize("name", ["pairs", "domains", "moved domains"])
def test_a_translation_is_taken_up_as_it_was_left(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = play(name)
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(KeyboardInterrupt):
        play(name, out=tmp_path / "run", callbacks=[Stop()])
    resumed = play(name, out=tmp_path / "run", resume=True)
    assert same(state_of(resumed), state_of(straight))
    assert rows_without_time(resumed.history) == rows_without_time(straight.history)
    for domain in ("a", "b") if name == "domains" else ():
        pools: list[Any] = [fit.state.networks[f"pool_{domain}"] for fit in (resumed, straight)]
        assert bool(pools[0].taken.all())
        assert torch.equal(pools[0].images, pools[1].images)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a forked process cannot use CUDA")
@pytest.mark.parametrize("name", ["pairs", "domains", "moved domains"])
def test_a_translation_is_taken_up_after_kill_9(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = play(name)
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    settings = {"out": tmp_path / "run", "callbacks": [Kill()]}
    child = multiprocessing.get_context("fork").Process(target=play, args=(name,), kwargs=settings)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    resumed = play(name, out=tmp_path / "run", resume=True)
    assert same(state_of(resumed), state_of(straight))
    assert rows_without_time(resumed.history) == rows_without_time(straight.history)
    assert same(state_of(ppgen.load(tmp_path / "run", data=resumed.data)), state_of(straight))


def test_history_tells_how_each_side_fares() -> None:
    row = play("domains").history[-1]["train"]
    assert {"critic_loss", "generator_loss", "critic_gradient_norm", "generator_gradient_norm"} <= set(row)
    assert {"adversarial", "cycle", "identity"} <= set(row)
    for name in ("accuracy_real", "accuracy_fake"):
        assert row[name] == pytest.approx((row[f"{name}/a"] + row[f"{name}/b"]) / 2)
    assert row["critic_loss"] == pytest.approx(row["critic_loss/a"] + row["critic_loss/b"])


def test_a_translation_that_diverges_is_stopped_with_its_last_good_weights() -> None:
    with pytest.raises(DivergenceError) as caught:
        play("domains", learning_rate=1e30, max_epochs=5)
    assert all(parameter.isfinite().all() for parameter in caught.value.fit.model.parameters())  # type: ignore[attr-defined]
