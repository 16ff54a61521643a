"""The published files themselves, where ``$PPGEN_DATA`` has them: counts and means that others have printed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import ppgen.data
from ppgen.data.catalogue import CATALOGUE

# Read before the session's own fixture points the variable elsewhere.
ROOT = Path(os.environ.get("PPGEN_DATA", "/nonexistent"))
FILES = {
    "mnist": "MNIST/raw/train-images-idx3-ubyte.gz",
    "fashion": "FashionMNIST/raw/train-images-idx3-ubyte.gz",
    "usps": "USPS/usps.bz2",
    "binarized_mnist": "BinarizedMNIST",
    "olivetti": "OlivettiFaces/olivettifaces.mat",
    "frey": "FreyFaces",
    "yale": "YaleFaces",
}
FACES = ("olivetti", "frey", "yale")
# Means of the official training images, as every tutorial's normalisation has them.
MEANS = {"mnist": 0.1307, "fashion": 0.2860}


def real(name):
    if not (ROOT / FILES[name]).exists():
        pytest.skip(f"$PPGEN_DATA has no {FILES[name]}")
    return name


@pytest.mark.parametrize("name", FILES)
def test_counts_and_shape_are_those_of_the_catalogue(name):
    data, line = ppgen.data.load(real(name), root=ROOT, download=False), CATALOGUE[name]
    assert tuple(data.size(split) for split in data.splits) == line.sizes
    assert data.x_shape == line.shape
    assert data.measure == ("8-bit" if name in FACES else "binary")


@pytest.mark.parametrize("name", MEANS)
def test_grey_means_are_the_published_ones(name):
    data = ppgen.data.load(real(name), root=ROOT, download=False, binarize=None)
    x = torch.cat([data.splits[split]["x"] for split in ("train", "valid")])
    assert abs(x.double().mean() / 255 - MEANS[name]) < 5e-5
    y = torch.cat([data.splits[split]["y"] for split in ("train", "valid")])
    if name == "fashion":
        assert y.bincount().tolist() == [6000] * 10


def test_olivetti_has_ten_pictures_of_each_of_forty_people_and_119_glasses():
    data = ppgen.data.load(real("olivetti"), root=ROOT, download=False)
    rows = {key: torch.cat([split[key] for split in data.splits.values()]) for key in ("y", "glasses", "x")}
    assert rows["y"].bincount().tolist() == [10] * 40
    assert int(rows["glasses"].sum()) == 119
    assert (int(rows["x"].min()), int(rows["x"].max())) == (0, 242)


def test_usps_is_torchvisions():
    datasets = pytest.importorskip("torchvision.datasets")
    data = ppgen.data.load(real("usps"), root=ROOT, download=False, binarize=None)
    official = datasets.USPS(str(ROOT / "USPS"), train=False)
    assert np.array_equal(data.splits["test"]["x"][:, 0].numpy(), official.data)
    assert data.splits["test"]["y"].tolist() == list(official.targets)


def test_binarized_mnist_is_static_and_like_mnist_in_ink():
    data = ppgen.data.load(real("binarized_mnist"), root=ROOT, download=False)
    for split in data.splits:
        assert abs(data.split(split)["x"].mean() - 0.1315) < 0.002
