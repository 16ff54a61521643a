"""`ppgen complete` draws what Python draws, as pictures or as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ppgen as package
from tests.cli.conftest import Ppgen


def test_completions_as_a_picture(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("complete", runs / "pixelcnn", "--row", 3, "-n", 2, "--out", "pictures/halves.png")
    assert result.stdout == f"{Path('pictures/halves.png')}\n"
    assert Path("pictures/halves.png").stat().st_size > 500


def test_completions_as_numbers_are_those_of_python(ppgen: Ppgen, runs: Path) -> None:
    words = ["--row", 3, "--row", 5, "-n", 3, "--seed", 4, "--temperature", 0.5, "--out", "halves.npz"]
    assert ppgen("complete", runs / "pixelcnn", "--keep", "top-half", *words).exit_code == 0
    fit = package.load(runs / "pixelcnn")
    x = fit.data.split("test")["x"][[3, 5]]
    upper = torch.arange(8).unsqueeze(1).expand(8, 8) < 4
    expected = fit.complete(x.repeat_interleave(3, 0), upper, temperature=0.5, seed=4).only
    with np.load("halves.npz") as arrays:
        assert np.array_equal(arrays["completions"], expected.unflatten(0, (2, 3)).numpy())
        assert np.array_equal(arrays["truth"], x.numpy())
        assert np.array_equal(arrays["mask"], upper.numpy())


@pytest.mark.parametrize(("keep", "order"), [("bottom-half", "bottom-up"), ("left-half", "left-right")])
def test_a_part_against_the_order_is_told_the_order_that_serves(
    ppgen: Ppgen, runs: Path, keep: str, order: str
) -> None:
    result = ppgen("complete", runs / "pixelcnn", "--keep", keep)
    assert result.exit_code == 2
    assert f"fix: a model of ppgen fit --order {order}\n" in result.stderr


def test_a_run_that_was_fitted_in_that_order_completes(ppgen: Ppgen, here: Path) -> None:
    short = ["--data", "digits", "--set", "hidden=4", "--set", "num_layers=1", "--epochs", 1, "--seed", 0]
    assert ppgen("fit", "gated-pixelcnn", *short, "--order", "right-left", "--out", "runs/columns").exit_code == 0
    assert ppgen("complete", "runs/columns", "--keep", "right-half", "-n", 2, "--out", "right.npz").exit_code == 0
    with np.load("right.npz") as arrays:
        given = np.broadcast_to(arrays["mask"], (8, 2, 1, 8, 8))
        assert np.array_equal(arrays["completions"][given], np.repeat(arrays["truth"][:, None], 2, 1)[given])
    assert "ppgen fit --order raster" in ppgen("complete", here / "runs/columns", "--keep", "top-half").stderr


def test_a_model_with_latents_completes_by_its_chain(ppgen: Ppgen, runs: Path, here: Path) -> None:
    assert (
        ppgen("complete", runs / "vae", "--steps", 3, "-n", 2, "--keep", "left-half", "--out", "l.npz").exit_code == 0
    )
    with np.load("l.npz") as arrays:
        given = np.broadcast_to(arrays["mask"], arrays["completions"].shape)
        assert np.array_equal(arrays["completions"][given], np.repeat(arrays["truth"][:, None], 2, 1)[given])
    assert "no site of VAE" in ppgen("sample", runs / "vae", "--temperature", 0.5).stderr


def test_a_sequence_is_completed_from_its_first_half_with_what_it_is_told(ppgen: Ppgen, here: Path) -> None:
    np.savez("told.npz", x=np.arange(240).reshape(60, 4) % 5, y=np.arange(60) % 3)
    short = ["--data", "told.npz", "--set", "hidden=8", "--epochs", 1, "--condition", "y"]
    assert ppgen("fit", "token-lstm", *short, "--out", "runs/tokens").exit_code == 0
    assert ppgen("complete", "runs/tokens", "-n", 2, "--out", "rest.npz").exit_code == 0
    with np.load("rest.npz") as arrays:
        assert arrays["mask"].tolist() == [True, True, False, False]
        assert np.array_equal(arrays["completions"][..., :2], np.repeat(arrays["truth"][:, None, :2], 2, 1))
    refused = ppgen("complete", "runs/tokens", "--keep", "left-half")
    assert refused.exit_code == 2
    assert "--keep first-half" in refused.stderr
