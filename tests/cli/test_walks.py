"""`ppgen traverse`, `interpolate` and `arithmetic` write what Python's calls return."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppgen as package
from tests.cli.conftest import Ppgen


def test_a_traversal_is_that_of_python(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("traverse", runs / "vae", "--row", 3, "--row", 1, "--dim", 5, "--steps", 4, "-o", "walk.npz")
    assert result.stdout == "walk.npz\n"
    fit = package.load(runs / "vae")
    walk = fit.traverse({"x": fit.data.split("test")["x"][[3, 1]]}, dims=[5], steps=4)
    assert walk.caption in result.stderr
    with np.load("walk.npz") as arrays:
        assert set(arrays) == {"coordinates", "z", "x"}
        assert np.array_equal(arrays["x"], walk.values["x"].numpy())
        assert np.array_equal(arrays["z"], walk.latents["z"].numpy())


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_walks_as_pictures(ppgen: Ppgen, runs: Path, suffix: str) -> None:
    target = Path("pictures/walk").with_suffix(suffix)
    words = ["--from", 0, "--from", 1, "--to", 4, "--path", "linear", "--given", "y=3"]
    assert ppgen("interpolate", runs / "cvae", *words, "-o", target).stdout == f"{target}\n"
    assert target.stat().st_size > 500


def test_groups_are_rows_whose_columns_have_a_value(ppgen: Ppgen, runs: Path) -> None:
    words = ["--positive", "y=8", "--negative", "y=3", "--row", 7, "--strength", 1, "-o", "sum.npz"]
    assert ppgen("arithmetic", runs / "vae", *words).exit_code == 0
    fit = package.load(runs / "vae")
    x, y = (fit.data.split("test")[name] for name in ("x", "y"))
    walk = fit.arithmetic(x[y == 8], x[y == 3], x[7:8], strength=[1.0])
    with np.load("sum.npz") as arrays:
        assert np.allclose(arrays["x"], walk.values["x"].numpy(), atol=1e-6)


def test_scores_are_those_of_python(ppgen: Ppgen, runs: Path) -> None:
    fit = package.load(runs / "vae")
    x, y = (fit.data.split("test")[name] for name in ("x", "y"))
    rows = (y == 8).nonzero().flatten()[:3].tolist()
    words = ["--positive", "y=3", "--negative", "y=8", *(word for row in rows for word in ("--row", row))]
    result = ppgen("arithmetic", runs / "vae", *words, "--scores", "-o", "sum.png")
    walk = fit.arithmetic(x[y == 3], x[y == 8], x[rows], strength=[0.0, 0.5, 1.0, 1.5])
    assert str(walk.scores(fit.data, changed={"y": 3})) in result.stdout
    assert "judged by" not in ppgen("interpolate", runs / "vae", "-o", "way.png").stdout  # nobody asked
    told = ppgen("interpolate", runs / "vae", "--scores", "-o", "way.png").stdout
    assert "confidence in y at the ends" in told


def test_draws_of_the_prior(ppgen: Ppgen, runs: Path) -> None:
    assert ppgen("interpolate", runs / "vae", "--prior", "-n", 2, "--seed", 4, "-o", "draws.npz").exit_code == 0
    with np.load("draws.npz") as arrays:
        assert np.array_equal(arrays["x"], package.load(runs / "vae").interpolate(n=2, seed=4).values["x"].numpy())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["traverse", "runs/vae", "-o", "walk.txt"], "unknown kind of file"),
        (["traverse", "runs/vae", "-o", "walk.npy"], "unknown kind of file"),
        (["traverse", "runs/vae", "--row", 10000], "no row 10000"),
        (["traverse", "runs/vae", "--site", "w"], "no latent 'w'"),
        (["traverse", "runs/pixelcnn"], "no latent of single data points"),
        (["arithmetic", "runs/vae", "--positive", "y=8", "--negative", "y=11"], "no row has y=11"),
        (["arithmetic", "runs/vae", "--positive", "y=8"], "--negative: no row of the test split is chosen"),
        (["arithmetic", "runs/vae", "--positive", "bold=1", "--negative", "y=1"], "no column bold"),
    ],
)
def test_bad_inputs_are_refused_by_name(ppgen: Ppgen, runs: Path, words: list[object], text: str) -> None:
    result = ppgen(*words)
    assert result.exit_code == 2
    assert text in result.stderr
