"""Recipes are deterministic, torch-free to list, and each beats its trivial baseline on digits."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import ppgen
from ppgen import zoo
from ppgen.data import Dataset
from ppgen.errors import SettingError


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return ppgen.data.load("digits")


def weights(built: zoo.BuiltRecipe) -> list[torch.Tensor]:
    modules = [module for module in (built.model, built.guide) if module is not None]
    return [parameter.detach().clone() for module in modules for parameter in module.parameters()]


def test_the_six_recipes_of_the_demo() -> None:
    assert zoo.demo_names() == ("autoencoder", "vae", "beta-vae", "cvae", "gated-pixelcnn", "gan")
    assert zoo.names()[:6] == zoo.demo_names()


def test_listing_recipes_needs_no_torch() -> None:
    code = (
        "import sys; from ppgen import zoo; [zoo.recipe(n).options for n in zoo.names()]; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("name", zoo.names())
def test_the_seed_decides_the_weights_and_nothing_else_does(name: str) -> None:
    data = zoo.dataset(name)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = weights(zoo.build(name, data, seed=5))
    assert torch.equal(torch.get_rng_state(), state), "the global random state moved"
    torch.manual_seed(2)
    again, other = weights(zoo.build(name, data, seed=5)), weights(zoo.build(name, data, seed=6))
    assert len(first) == len(again) > 0
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", zoo.names())
def test_a_recipe_is_whole(name: str) -> None:
    data = zoo.dataset(name)
    model, guide, objective = zoo.build(name, data)
    objective.check(model, guide)
    rows = {key: column[:8] for key, column in data.split("valid").items()}
    ppgen.check(model, guide, rows)
    recipe = zoo.recipe(name)
    assert recipe.name == name
    assert recipe.summary
    assert recipe.paper


@pytest.mark.parametrize("name", zoo.demo_names())
def test_the_demo_goes_less_far_than_the_recipe_and_the_quick_one_less_still(name: str) -> None:
    recipe = zoo.recipe(name)
    assert set(recipe.settings()) == set(recipe.demo_settings(False)) == set(recipe.demo_settings(True))
    quick, full = (recipe.demo_settings(quick)["max_epochs"] for quick in (True, False))
    assert quick < full < recipe.settings()["max_epochs"]
    assert set(recipe.demo_options) <= set(recipe.options)


def test_a_beta_vae_is_the_vae_under_another_objective(digits: Dataset) -> None:
    vae, beta = zoo.build("vae", digits, seed=3), zoo.build("beta-vae", digits, seed=3)
    assert type(vae.model) is type(beta.model)
    assert all(torch.equal(a, b) for a, b in zip(weights(vae), weights(beta), strict=True))
    assert (vae.objective.name, beta.objective.name) == ("ELBO()", "ELBO(beta=2)")


def test_options_reach_the_model(digits: Dataset) -> None:
    assert zoo.recipe("vae").options == {"latent_dim": 8, "beta": 1.0, "warmup": 0.0, "likelihood": None}
    model = zoo.build("vae", digits, latent_dim=3).model
    assert model(size=2)["z"].shape == (2, 3)


def test_shapes_and_classes_are_read_from_the_data() -> None:
    x, y = torch.bernoulli(torch.full((40, 1, 12, 10), 0.5)), torch.arange(40) % 4
    model = zoo.build("cvae", {"x": x, "y": y}).model
    assert model({"y": torch.tensor([3, 0])})["x"].shape == (2, 1, 12, 10)


def test_a_data_set_given_by_name_gets_what_the_recipe_asks_for(digits: Dataset) -> None:
    few = zoo.dataset("semi-supervised", "digits")
    assert int((few.splits["train"]["y"] >= 0).sum()) == 100
    assert zoo.dataset("semi-supervised", digits) is digits, "whoever brings a data set has decided"
    assert zoo.dataset("masked").keys == ("x", "y", "given", "mask")
    with pytest.raises(SettingError, match="quadrants"):
        zoo.build("masked", digits)


@pytest.mark.parametrize("name", ["gan", "vae", "pixelcnn"])
def test_unpaired_domains_have_no_x_for_a_recipe(name: str) -> None:
    data = ppgen.data.unpaired(here="digits", there="digits")
    with pytest.raises(SettingError, match=rf"{name}: here\+there holds unpaired domains(.|\n)*data.domains\['here'\]"):
        zoo.build(name, data)
    assert zoo.build(name, data.domains["here"]).model(size=1)["x"].shape == (1, 1, 8, 8)


def test_pseudo_inputs_begin_at_data() -> None:
    model = zoo.build("vamp-prior", num_components=7).model
    x = ppgen.data.load("digits").split("train")["x"]
    inputs = model.pseudo_inputs().detach()
    distance = (inputs.unsqueeze(1) - x).abs().amax((2, 3, 4)).amin(1)
    assert (distance < 0.06).all()


def test_attributes_condition_too() -> None:
    data = ppgen.data.attributes(ppgen.data.load("digits"), ["y"])
    model = zoo.build("cvae", data).model
    assert model({"y": data.split("test")["y"][:3]})["x"].shape == (3, 1, 8, 8)


@pytest.mark.parametrize("name", ["pixelcnn", "gated-pixelcnn"])
def test_pixels_on_levels_may_be_a_mixture_of_logistics(name: str) -> None:
    grey = ppgen.data.load("digits", binarize=None)
    model = zoo.build(name, grey, likelihood="mixture").model
    assert zoo.said(grey, model)[0].startswith("grey 8x8, 17 levels -> mixture of 10 logistics")
    assert model(size=2)["x"].shape == (2, 1, 8, 8)
    assert str(zoo.build(name, grey).model.likelihood) == "categorical"
    with pytest.raises(SettingError, match="mixture is no likelihood of x"):
        zoo.build(name, "digits", likelihood="mixture")


def test_pixelcnn_plus_plus_takes_levels_by_a_mixture_and_bits_by_a_bernoulli() -> None:
    for data, expected in ((ppgen.data.load("digits", binarize=None), "mixture"), ("digits", "bernoulli")):
        assert zoo.build("pixelcnn++", data).model.likelihood.family == expected


# Measured with the recipes' own settings, fewer epochs and seed 0: the factorised Bernoulli has -27.3 nats per datum,
# and the margin is about half of what each recipe reaches, so that another machine's rounding changes nothing.
@pytest.mark.parametrize(
    ("name", "epochs", "margin"),
    [("vae", 20, 2.0), ("beta-vae", 20, 1.5), ("cvae", 20, 3.0), ("gated-pixelcnn", 10, 1.5)],
)
def test_densities_beat_independent_pixels(name: str, epochs: int, margin: float, digits: Dataset) -> None:
    model, guide, objective = zoo.build(name, digits)
    settings = zoo.recipe(name).settings() | {"max_epochs": epochs}
    fit = ppgen.fit(model, digits, guide=guide, objective=objective, progress=False, **settings)
    pixels = ppgen.evaluation.factorised_log_prob(digits.split("train")["x"], digits.split("test")["x"], "binary")
    assert fit.log_prob(num_particles=50).value > pixels.mean() + margin
