from __future__ import annotations

from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import DeclarationError, PpgenError, SettingError
from ppgen.fitting.choices import check_patience, check_settings, choose_guide, choose_objective, unwrap
from ppgen.guides import FullRank, MeanField
from ppgen.models import GAN, VAE, PixelCNN
from ppgen.objectives import Player

GOOD: dict[str, Any] = {
    "max_epochs": 1, "batch_size": 1, "learning_rate": 1e-3, "schedule": "cosine", "seed": 0, "patience": None,
    "clip_norm": None, "out": None, "resume": False,
}  # fmt: skip
BAD = [
    ("max_epochs", 0), ("max_epochs", 2.0), ("max_epochs", True), ("batch_size", -1), ("patience", 0),
    ("learning_rate", 0.0), ("learning_rate", float("nan")), ("learning_rate", True), ("learning_rate", "fast"),
    ("clip_norm", -1.0), ("clip_norm", float("inf")), ("seed", 1.5), ("seed", None), ("schedule", "linear"),
    ("resume", True),
]  # fmt: skip


def test_good_settings_pass() -> None:
    check_settings(**GOOD)
    check_settings(**{**GOOD, "patience": 3, "clip_norm": 1, "out": "runs/a", "resume": True})


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_setting_is_named(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=name) as caught:
        check_settings(**{**GOOD, name: value})
    assert caught.value.fix


def test_patience_needs_a_loss_to_wait_for() -> None:
    x = torch.zeros(20, 2)
    whole, bare = ppgen.data.from_tensors(x + torch.rand(20, 2)), ppgen.data.from_tensors(x, valid=0.0)
    one, two = [Player("elbo", [])], [Player("critic", []), Player("generator", [])]
    check_patience(3, whole, one)
    check_patience(None, bare, two)
    for dataset, players in ((bare, one), (whole, two)):
        with pytest.raises(SettingError, match="patience"):
            check_patience(3, dataset, players)


def test_models_in_all_forms() -> None:
    model, program = VAE((4,)), ppgen.Program(lambda x: None, lambda x: None)
    assert unwrap(model, None) == (model, None)
    assert unwrap(program, None) == (program.model, program.guide)
    with pytest.raises(SettingError, match="own guide"):
        unwrap(program, MeanField(model))
    for wrong in (VAE, torch.nn.Linear(2, 2), "vae", None):
        with pytest.raises(DeclarationError, match="no model"):
            unwrap(wrong, None)


def test_guides_in_all_forms() -> None:
    model = VAE((4,))
    assert type(choose_guide(model, None)) is MeanField
    assert type(choose_guide(model, FullRank)) is FullRank
    mine = FullRank(model)
    assert choose_guide(model, mine) is mine
    assert choose_guide(PixelCNN((1, 4, 4), 2, 1), None) is None
    assert choose_guide(GAN((1, 8, 8)), None) is None
    with pytest.raises(DeclarationError, match="no guide"):
        choose_guide(model, lambda x: None)


def test_objectives_by_what_the_sites_call_for() -> None:
    model = VAE((4,))
    assert choose_objective(model, MeanField(model), None).name == "ELBO()"
    assert choose_objective(PixelCNN((1, 4, 4), 2, 1), None, None).name == "MaximumLikelihood()"
    assert choose_objective(GAN((1, 8, 8)), None, None).name == "Adversarial(nonsaturating)"
    mine = ppgen.ELBO(2.0)
    assert choose_objective(model, None, mine) is mine
    for wrong in ("elbo", ppgen.ELBO, 3):
        with pytest.raises(PpgenError, match="no objective"):
            choose_objective(model, None, wrong)
