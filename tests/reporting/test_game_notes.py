"""Notes on games: a critic that wins, one that is blind, and modes that are left out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ppgen
from ppgen.reporting import fit_card, game_notes


def played(real: float, fake: float) -> list[dict[str, Any]]:
    return [{"epoch": 1, "train": {"critic_loss": 1.0, "accuracy_real": real, "accuracy_fake": fake}}]


@pytest.mark.parametrize(
    ("real", "fake", "word"), [(0.99, 0.97, "wins"), (0.51, 0.48, "coin"), (0.99, 0.6, ""), (0.7, 0.7, "")]
)
def test_what_the_critic_tells_apart_is_told(real: float, fake: float, word: str) -> None:
    notes = game_notes(played(real, fake))
    assert len(notes) == (1 if word else 0)
    assert all(word in note for note in notes)
    assert game_notes([]) == []


def test_of_two_critics_the_one_that_wins_is_named() -> None:
    # On average they tell 0.97, so that both would seem to win.
    shares = {"accuracy_real": 0.97, "accuracy_real/a": 1.0, "accuracy_real/b": 0.94}
    shares |= {"accuracy_fake": 0.97, "accuracy_fake/a": 1.0, "accuracy_fake/b": 0.94}
    (note,) = game_notes([{"epoch": 1, "train": {"critic_loss": 1.0, **shares}}])
    assert note.startswith("The critic of a wins: it tells 100 % of data")


def test_modes_that_draws_leave_out_are_told_and_those_that_they_reach_are_not() -> None:
    # A generator that draws the data, and one that draws one point of them.
    torch.manual_seed(0)
    data = ppgen.data.from_tensors({"x": torch.randn(400, 2)})
    model = ppgen.models.GAN((2,), 2, output="none", generator=torch.nn.Linear(2, 2))
    fit = ppgen.fit(model, data, max_epochs=1, learning_rate=1e-9, device="cpu", progress=False)
    found = []
    for scale in (1.0, 0.01):
        with torch.no_grad():
            fit.model.generator.weight.copy_(scale * torch.eye(2))
            fit.model.generator.bias.zero_()
        found.append(game_notes(fit.history, ppgen.evaluate(fit, metrics=["sampling"], progress=False)))
    assert not any("Modes" in note for note in found[0])
    assert any("Modes are left out" in note for note in found[1])


def test_the_card_of_a_fit_has_the_notes() -> None:
    fit = ppgen.fit(ppgen.models.GAN((2,), 2, (4,)), torch.randn(60, 2), max_epochs=1, device="cpu", progress=False)
    fit.history[-1]["train"] |= {"accuracy_real": 1.0, "accuracy_fake": 1.0}
    assert "The critic wins" in fit_card(fit)
    fit.history[-1]["train"] |= {"accuracy_real": 0.8}
    assert "<th>notes</th>" not in fit_card(fit)
