"""One's own data works the first time: twelve kinds of it, without a flag, and what was decided is said in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from PIL import Image

import ppgen as package
from tests.cli.conftest import Ppgen

N = 40
RNG = np.random.default_rng(0)
GREY, COLOUR = RNG.integers(0, 256, (N, 9, 11), dtype=np.uint8), RNG.integers(0, 256, (N, 9, 11, 3), dtype=np.uint8)
LABELS = np.arange(N) % 3
TABLE = {
    "height": RNG.normal(170, 9, N), "age": np.arange(N) * 2, "pet": np.array(["cat", "dog"])[LABELS % 2],
    "smokes": LABELS == 0,
}  # fmt: skip
LOGISTIC = "discretized logistic; --binarize static for a Bernoulli"


def pictures(folder: Path, images: Any, classes: Any = None) -> None:
    for row, image in enumerate(images):
        place = folder if classes is None else folder / "abc"[classes[row]]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{row}.png")


def mixed_sizes(folder: Path) -> None:
    pictures(folder, [np.full((10 + row % 4, 9 + row % 5), row * 5, np.uint8) for row in range(N)])


KINDS: dict[str, tuple[str, Callable[[Path], None], str, str]] = {
    "grey folder": ("mine", lambda at: pictures(at, GREY), "vae", f"8-bit grey 9x11 -> {LOGISTIC}"),
    "colour folder": ("mine", lambda at: pictures(at, COLOUR), "vae", f"8-bit colour 9x11 -> {LOGISTIC}"),
    "mixed sizes": ("mine", mixed_sizes, "vae", f"8-bit grey 9x9 (resized to 9) -> {LOGISTIC}"),
    "class folders": ("mine", lambda at: pictures(at, GREY, LABELS), "vae", f"8-bit grey 9x11 -> {LOGISTIC}"),
    "npz [N, H, W]": ("a.npz", lambda at: np.savez(at, images=GREY, labels=LABELS), "vae", "8-bit grey 9x11 -> "),
    "npz [N, H, W, C]": ("a.npz", lambda at: np.savez(at, x=COLOUR), "vae", "8-bit colour 9x11 -> "),
    "npz [N, C, H, W]": (
        "a.npz",
        lambda at: np.savez(at, x=COLOUR.transpose(0, 3, 1, 2), y=LABELS),
        "vae",
        "8-bit colour 9x11 -> ",
    ),
    "npy bytes": ("a.npy", lambda at: np.save(at, GREY), "vae", f"8-bit grey 9x11 -> {LOGISTIC}"),
    "npy floats": ("a.npy", lambda at: np.save(at, np.float32(GREY / 255)), "vae", f"8-bit grey 9x11 -> {LOGISTIC}"),
    "csv": ("a.csv", lambda at: pandas.DataFrame(TABLE).to_csv(at, index=False), "table", "age: count -> negative b"),
    "real rows": (
        "a.npy",
        lambda at: np.save(at, RNG.normal(5e3, 70, (N, 4))),
        "vae",
        "real 4, continuous -> gaussian",
    ),
    "counts": ("a.npy", lambda at: np.save(at, RNG.poisson(7, (N, 6))), "vae", "count 6 -> negative binomial"),
    "sequences": (
        "a.npz",
        lambda at: np.savez(at, x=RNG.normal(0, 9, (N, 7, 2)), x_lengths=3 + np.arange(N) % 5),
        "deep-markov",
        "sequence 7x2, continuous -> gaussian",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ones_own_data_is_fitted_without_a_flag(ppgen: Ppgen, here: Path, kind: str) -> None:
    name, write, recipe, said = KINDS[kind]
    write(here / name)
    done = ppgen("fit", "vae", "--data", f"./{name}", "--epochs", 1, "--out", "runs/it")
    if recipe != "vae":  # then the message names the recipe for such data
        assert f"the recipe {recipe}" in done.stderr
        done = ppgen("fit", recipe, "--data", f"./{name}", "--epochs", 1, "--out", "runs/it")
    assert done.exit_code == 0, done.stderr
    assert said in done.stdout
    fit = package.load("runs/it")
    drawn, test = fit.sample(5), fit.data.split("test")
    for site in fit.observed:
        column = fit.data.columns[site]
        assert drawn[site].shape[1:] == column.event_shape
        if column.levels is not None:
            assert torch.equal(drawn[site], (drawn[site] * 255).round() / 255), "samples lie on the grid of the data"
            assert float(test[site].max()) <= 1.0
    assert fit.data.num_classes.get("y", 3) == 3
    assert ("y" in fit.data.keys) == (kind in ("class folders", "npz [N, H, W]", "npz [N, C, H, W]"))
    assert fit.measure == ("8-bit" if "8-bit" in said else "integer" if kind == "counts" else "continuous")
    assert torch.isfinite(fit.log_prob_per_datum(num_particles=2)).all()
    assert fit.reconstruct()[fit.observed[0]].isfinite().all()


def test_pictures_that_are_cut_or_scaled_are_said_to_be(tmp_path: Path) -> None:
    mixed_sizes(tmp_path)
    data = package.data.load(str(tmp_path), resize=6, crop=8)
    (line,) = package.zoo.said(data, package.zoo.build("vae", data).model)
    assert line.startswith("8-bit grey 6x6 (cropped to 8, resized to 6) -> discretized logistic")
    by_itself = package.data.load(str(tmp_path))
    (line,) = package.zoo.said(by_itself, package.zoo.build("vae", by_itself).model)
    side = by_itself.x_shape[-1]
    assert line.startswith(f"8-bit grey {side}x{side} (resized to {side}) -> discretized logistic")


def test_a_frame_is_a_table_too() -> None:
    data = package.zoo.dataset("table", pandas.DataFrame(TABLE))
    model, guide, objective = package.zoo.build("table", data)
    fit = package.fit(model, data, guide=guide, objective=objective, max_epochs=1, progress=False)
    lines = package.zoo.said(data, model)
    assert lines == [
        "height: real, continuous -> gaussian",
        "age: count -> negative binomial",
        "pet: 2 classes -> categorical",
        "smokes: binary -> categorical",
    ]
    assert {site: fit.sample(3)[site].shape for site in TABLE} == dict.fromkeys(TABLE, (3,))


@pytest.mark.parametrize(
    "recipe",
    [
        "hierarchical",
        "ladder",
        "flow-prior",
        "mixture",
        "discrete",
        "vamp-prior",
        "iwae",
        "pixel-vae",
        "pixelcnn",
        "pixelcnn++",
    ],
)
@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_every_latent_family_takes_images_of_grey_and_colour(recipe: str, images: Any) -> None:
    data = package.zoo.dataset(recipe, images)
    model, guide, objective = package.zoo.build(recipe, data)
    fit = package.fit(model, data, guide=guide, objective=objective, max_epochs=1, progress=False)
    assert fit.measure == "8-bit"
    assert fit.sample(2)["x"].shape == (2, *data.x_shape)


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("--likelihood gaussian", "fix: --dequantize"),
        ("--likelihood bernoulli", "fix: --binarize static"),
        ("--likelihood poisson", "fix: --likelihood discretized-logistic"),
        ("--lr -1", "fix: --lr 0.001"),
    ],
)
def test_remedies_are_flags(ppgen: Ppgen, here: Path, words: str, fix: str) -> None:
    np.save("a.npy", GREY)
    assert fix in ppgen("fit", "vae", "--data", "a.npy", *words.split()).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--likelihood categorical", "8-bit grey 9x11 -> categorical"),
        ("--likelihood continuous-bernoulli", "8-bit grey 9x11 -> continuous bernoulli"),
        ("--dequantize", "grey 9x11, continuous -> gaussian"),
        ("--binarize static", "black and white 9x11, binary -> bernoulli"),
        ("--crop 8 --resize 5", "8-bit grey 5x5 (cropped to 8, resized to 5) -> discretized logistic"),
    ],
)
def test_other_likelihoods_and_sizes_are_had_on_request(ppgen: Ppgen, here: Path, words: str, said: str) -> None:
    np.save("a.npy", GREY)
    result = ppgen("fit", "vae", "--data", "a.npy", "--epochs", 1, *words.split())
    assert result.exit_code == 0, result.stderr
    assert said in result.stdout
    assert package.load("runs/vae-a").sample(2)["x"].isfinite().all()
