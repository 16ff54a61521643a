"""`ppgen sample` draws what Python draws, as pictures or as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppgen as package
from tests.cli.conftest import Ppgen


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_samples_as_pictures(ppgen: Ppgen, runs: Path, suffix: str) -> None:
    target = Path("pictures/samples").with_suffix(suffix)
    assert ppgen("sample", runs / "vae", "-n", 9, "-o", target).stdout == f"{target}\n"
    assert target.stat().st_size > 500


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_samples_as_numbers_are_those_of_python(ppgen: Ppgen, runs: Path, suffix: str) -> None:
    target = Path("samples").with_suffix(suffix)
    assert ppgen("sample", runs / "vae", "-n", 9, "--seed", 4, "-o", target).exit_code == 0
    drawn = package.load(runs / "vae").sample(9, seed=4).only.numpy()
    if suffix == ".npy":
        assert np.array_equal(np.load(target), drawn)
    else:
        with np.load(target) as arrays:
            assert list(arrays) == ["x"]
            assert np.array_equal(arrays["x"], drawn)


def test_a_conditional_model_goes_through_its_classes(ppgen: Ppgen, runs: Path) -> None:
    fit = package.load(runs / "cvae")
    result = ppgen("sample", runs / "cvae", "-n", 12, "-o", "all.npy")
    assert "y goes through 0 to 9" in result.stderr
    assert np.array_equal(np.load("all.npy"), fit.sample(12, y=[*range(10), 0, 1]).only.numpy())
    assert ppgen("sample", runs / "cvae", "-n", 4, "--given", "y=3", "-o", "threes.npy").exit_code == 0
    assert np.array_equal(np.load("threes.npy"), fit.sample(4, y=3).only.numpy())
    assert ppgen("sample", runs / "cvae", "-n", 3, "--given", "y=[3, 5]", "-o", "both.npy").exit_code == 0
    assert np.array_equal(np.load("both.npy"), fit.sample(3, y=[3, 5, 3]).only.numpy())


def test_means_are_no_bits(ppgen: Ppgen, runs: Path) -> None:
    ppgen("sample", runs / "vae", "-n", 4, "--mean", "-o", "means.npy")
    assert ((np.load("means.npy") > 0) & (np.load("means.npy") < 1)).any()


def test_a_model_that_reads_captions_is_asked_in_words(ppgen: Ppgen, here: Path) -> None:
    asked = ("--data", "glyphs-few", "--attribute", "caption", "--epochs", 1, "--out", "told")
    assert ppgen("fit", "fvsbn", *asked, "--condition", "y").exit_code == 0
    fit = package.load("told")
    for given, texts in (
        ("a small 3, leaning left", "a small 3, leaning left"),
        ('["a 5", "a 7"]', ["a 5", "a 7"] * 2),
    ):
        assert ppgen("sample", "told", "-n", 4, "--given", f"y={given}", "-o", "drawn.npy").exit_code == 0
        assert np.array_equal(np.load("drawn.npy"), fit.sample(4, y=texts).only.numpy())
    refused = ppgen("sample", "told", "-n", 4, "--given", "y=a purple dog", "-o", "drawn.npy")
    assert "'dog'" in refused.stderr
    unmade = ppgen("fit", "fvsbn", "--data", "glyphs-few", "--condition", "caption", "--out", "no")
    assert "--attribute caption" in unmade.stderr
