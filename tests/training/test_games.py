"""Adversarial games in the one training loop: broken off between two turns and taken up, to the bit, for each loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen import nets
from ppgen.models import GAN
from ppgen.objectives.adversarial_losses import LOSSES
from ppgen.training import loop
from tests.oracles.state import rows_without_time, same, state_of

CHANGES: dict[str, dict[str, Any]] = {loss: {"loss": loss, "critic_steps": 2} for loss in LOSSES}
CHANGES["hinge"] |= {"r1": 0.5}
CHANGES["nonsaturating"] |= {"gradient_penalty": 1.0, "one_sided": True}


class Stop(ppgen.Callback):
    def step(self, training: Any) -> None:
        if training.step == 7:  # in the middle of an epoch, where the critic is one turn ahead
            raise KeyboardInterrupt


def play(loss: str, **settings: Any) -> ppgen.Fit:
    torch.manual_seed(0)
    x = torch.randn(80, 2, generator=torch.Generator().manual_seed(1))
    critic = nets.critic((2,), (8,), 8, spectral=loss == "minimax")
    model = GAN((2,), latent_dim=2, hidden=(8,))
    return ppgen.fit(
        model,
        {"train": x},
        objective=ppgen.Adversarial(critic, **CHANGES[loss]),
        average={"generator": 0.9},
        max_epochs=3,
        batch_size=16,
        progress=False,
        device="cpu",
        **settings,
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_every_game_is_taken_up_as_it_was_left(loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = play(loss)
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(KeyboardInterrupt):
        play(loss, out=tmp_path / "run", callbacks=[Stop()])
    resumed = play(loss, out=tmp_path / "run", resume=True)
    assert same(state_of(resumed), state_of(straight))
    assert rows_without_time(resumed.history) == rows_without_time(straight.history)


def test_history_tells_how_each_player_fares() -> None:
    (*_, last) = play("hinge").history
    assert set(last["train"]) == {
        *("critic_loss", "critic_gradient_norm", "generator_loss", "generator_gradient_norm"),
        *("critic_real", "critic_fake", "accuracy_real", "accuracy_fake", "total_variation", "r1"),
    }
    assert all(0 <= last["train"][key] <= 1 for key in ("accuracy_real", "accuracy_fake"))
    assert last["train"]["critic_gradient_norm"] > 0
