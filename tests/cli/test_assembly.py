"""The words of `ppgen fit` become a model, a guide and an objective."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ppgen
from ppgen.cli.assembly import assemble
from ppgen.data import Dataset
from ppgen.errors import SettingError


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return ppgen.data.load("digits")


def test_a_recipe_keeps_what_no_word_changes(digits: Dataset) -> None:
    (model, guide, objective), sources = assemble("beta-vae", digits, objective_settings={"warmup": 5.0})
    assert isinstance(model, ppgen.models.VAE)
    assert isinstance(guide, ppgen.guides.MeanField)
    assert objective.name == "ELBO(beta=2, warmup=5)"
    assert sources == {}


def test_words_replace_guide_and_objective(digits: Dataset) -> None:
    (_, guide, objective), _ = assemble("beta-vae", digits, guide="full_rank", objective="elbo")
    assert isinstance(guide, ppgen.guides.FullRank)
    assert objective.name == "ELBO(beta=2)", "the recipe's own settings stay where the objective is the same"


def test_what_nobody_named_is_left_to_fit(digits: Dataset, here: Path) -> None:
    (_, guide, objective), sources = assemble("my_models.py:Tiny", digits, settings={"latent_dim": 5})
    assert (guide, objective) == (None, None)
    assert sources == {"model": {"from": "my_models.py:Tiny", "settings": {"latent_dim": 5}}}


def test_the_seed_decides_the_weights_of_ones_own_model_too(digits: Dataset, here: Path) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        made, _ = assemble("my_models.py:Tiny", digits, seed=seed)
        return [p for module in made[:2] if module is not None for p in module.parameters()]

    assert all(torch.equal(a, b) for a, b in zip(weights(1), weights(1), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(1), weights(2), strict=True))


def test_settings_of_the_objective_are_verified_and_reach_it(digits: Dataset) -> None:
    made, _ = assemble("iwae", digits, objective_settings={"num_particles": 3})
    assert made.objective.name == "IWAE(3, dreg)", "the recipe's own settings stay"
    made, _ = assemble("vae", digits, objective="iwae", objective_settings={"num_particles": 4, "gradient": "dreg"})
    assert made.objective.name == "IWAE(4, dreg)"
    with pytest.raises(SettingError, match="--set-objective num_particles"):
        assemble("vae", digits, objective_settings={"particles": 3})
    with pytest.raises(SettingError, match="--beta belongs to the ELBO"):
        assemble("vae", digits, objective="iwae", objective_settings={"beta": 2.0})


def test_a_model_offers_its_own_posterior_to_the_guide(digits: Dataset) -> None:
    (model, guide, _), _ = assemble(
        "ppgen.models:VampPriorVAE", digits, guide="network-guide", settings={"num_components": 5}
    )
    assert isinstance(guide, ppgen.guides.NetworkGuide)
    assert guide.posterior is model.posterior


def test_guides_that_cannot_be_fitted_or_are_not_named(digits: Dataset) -> None:
    with pytest.raises(SettingError, match="--set-guide without --guide"):
        assemble("vae", digits, guide_settings={"width": 3})
    with pytest.raises(SettingError, match=r"fit first.*Refined\(fit\.guide\)"):
        assemble("vae", digits, guide="refined")


def test_a_weight_of_the_rate_reaches_every_objective_that_has_one(digits: Dataset) -> None:
    (_, _, objective), _ = assemble(
        "vae", digits, objective="total-correlation", objective_settings={"beta": 4.0, "warmup": 2.0}
    )
    assert isinstance(objective, ppgen.TotalCorrelation)
    assert (objective.settings()["beta"], objective.settings()["warmup"]) == (4.0, 2.0)
