"""What a fit says when it is done: of a game, also who has won it."""

from __future__ import annotations

import torch

import ppgen
from ppgen.cli.fit_story import summary


def test_a_critic_that_wins_is_told_of() -> None:
    model = ppgen.models.GAN((2,), 2, (4,))
    fit = ppgen.fit(model, torch.randn(60, 2), max_epochs=1, device="cpu", progress=False)
    shares = {"accuracy_real": 1.0, "accuracy_fake": 1.0}
    fit.history[-1]["train"] |= shares
    first, second = summary(fit).splitlines()
    assert first.startswith("objective Adversarial(nonsaturating): 1 epoch in ")
    assert second.startswith("The critic wins")
    fit.history[-1]["train"] |= {"accuracy_fake": 0.7}
    assert summary(fit).splitlines()[0].startswith("objective")
    assert len(summary(fit).splitlines()) == 1


def test_what_is_no_game_has_no_notes() -> None:
    bits = torch.bernoulli(torch.full((60, 2), 0.5))
    fit = ppgen.fit(ppgen.models.VAE((2,), 1, (4,)), bits, max_epochs=1, device="cpu", progress=False)
    assert len(summary(fit).splitlines()) == 1
