"""`ppgen translate` writes what Python translates; recipes of translation take their data by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ppgen as package
from tests.cli.conftest import Ppgen


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "inverted"
    torch.manual_seed(0)
    model = package.models.CycleGAN((1, 8, 8), (1, 8, 8), width=2, num_blocks=1)
    data = package.data.load("digits+digits", binarize=None)
    package.fit(model, data, max_epochs=1, batch_size=512, progress=False, out=folder)
    return folder


def test_numbers_are_those_of_python(ppgen: Ppgen, run: Path, here: Path) -> None:
    assert ppgen("translate", run, "--site", "to_a", "-o", "made.npz").exit_code == 0
    fit = package.load(run)
    written = np.load(here / "made.npz")
    assert np.array_equal(written["translation"], fit.translate(site="to_a").numpy())
    assert np.array_equal(written["given"], fit.data.domains["b"].split("test")["x"].numpy())


def test_pictures_are_of_test_images_or_of_a_folder_of_ones_own(ppgen: Ppgen, run: Path, here: Path) -> None:
    from PIL import Image

    assert ppgen("translate", run).stdout == "translations.png\n"
    (here / "mine").mkdir()
    for number in range(3):
        Image.fromarray(np.full((20, 20, 3), 80 * number, dtype=np.uint8)).save(here / "mine" / f"{number}.png")
    assert ppgen("translate", run, "--images", "mine", "-o", "mine.png").exit_code == 0
    assert ppgen("translate", run, "--images", "mine", "-o", "mine.npz").exit_code == 0
    assert np.load(here / "mine.npz")["translation"].shape == (3, 1, 8, 8)


def test_images_that_are_not_finite_are_refused(run: Path) -> None:
    images = torch.rand(3, 1, 8, 8)
    images[1, 0, 2, 3] = torch.nan
    with pytest.raises(package.errors.DataError, match=r"a has 1 non-finite value, first at \[1, 0, 2, 3\]"):
        package.load(run).translate(images)


def test_what_translates_nothing_is_told(ppgen: Ppgen, runs: Path, run: Path) -> None:
    assert "translates nothing" in ppgen("translate", runs / "vae").stderr
    assert "to_b (given a), to_a (given b)" in ppgen("translate", run, "--site", "x").stderr


def test_a_recipe_of_pairs_takes_a_task(ppgen: Ppgen, here: Path) -> None:
    result = ppgen("fit", "pix2pix", "--data", "digits", "--paired", "half", "--epochs", 1, "--out", "runs/half")
    assert result.exit_code == 0, result.stderr
    fit = package.load(here / "runs/half")
    assert (fit.data.measure, fit.data.keys) == ("unit interval", ("x", "y", "given"))


def test_a_recipe_of_domains_is_told_how_deep_both_of_its_kinds_of_networks_are(ppgen: Ppgen, here: Path) -> None:
    pairs = ("width=2", "num_blocks=1", "num_halvings=1", "critic=[4, 6, 8]", "cycle=2")
    settings = [word for pair in pairs for word in ("--set", pair)]
    words = ["--data", "digits+digits", "--epochs", 1, "--batch-size", 512, *settings, "--out", "run"]
    assert ppgen("fit", "cyclegan", *words).exit_code == 0
    fit = package.load(here / "run")
    assert len(fit.model.forth.down) == len(fit.model.back.up) == 1
    channels = [size.shape[0] for name, size in fit.state.networks["critic_b"].named_parameters() if "weight" in name]
    assert channels == [4, 6, 8, 8, 1]


def test_a_recipe_of_domains_says_what_it_needs(ppgen: Ppgen, here: Path) -> None:
    assert "expected: images a and b" in ppgen("fit", "cyclegan", "--data", "digits").stderr
