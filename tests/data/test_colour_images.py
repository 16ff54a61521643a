"""Colour sets through stand-ins for torchvision's classes, which need the real files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import ppgen.data
from ppgen.data import roots

RNG = np.random.default_rng(0)


class CIFAR10:
    def __init__(self, root, train, download):
        rows = 40 if train else 10
        self.data = RNG.integers(0, 256, (rows, 32, 32, 3), dtype=np.uint8)
        self.data[:, 0, 0] = [10, 20, 30]
        self.targets = [i % 10 for i in range(rows)]


class SVHN:
    def __init__(self, root, split, download):
        rows = 40 if split == "train" else 10
        self.data = RNG.integers(0, 256, (rows, 3, 32, 32), dtype=np.uint8)
        self.labels = np.arange(rows) % 10


class CelebA:
    decoded = 0

    def __init__(self, root, split, download):
        self.attr = torch.randint(0, 2, (4, 40))

    def __len__(self):
        return 4

    def __getitem__(self, row):
        CelebA.decoded += 1
        pixels = np.zeros((218, 178, 3), dtype=np.uint8)
        pixels[35:183, 15:163] = [50 * row, 100, 150]
        return Image.fromarray(pixels), None


@pytest.fixture(autouse=True)
def torchvision(monkeypatch):
    class Datasets:
        pass

    for stand_in in (CIFAR10, SVHN, CelebA):
        setattr(Datasets, stand_in.__name__, stand_in)
    monkeypatch.setattr(roots, "torchvision_datasets", lambda: Datasets)


@pytest.mark.parametrize("name", ["cifar10", "svhn"])
def test_colour_keeps_256_levels_by_default(tmp_path, name):
    data = ppgen.data.load(name, root=tmp_path)
    assert (data.measure, data.protocol, data.x_shape) == ("8-bit", "256 grey levels, k / 255", (3, 32, 32))
    assert [data.size(split) for split in data.splits] == [30, 10, 10]
    assert data.splits["train"]["x"].dtype == torch.uint8
    assert torch.equal(data.split()["x"], data.splits["test"]["x"] / 255)
    assert data.num_classes == {"y": 10}


def test_channels_come_first(tmp_path):
    x = ppgen.data.load("cifar10", root=tmp_path).splits["test"]["x"]
    assert x[:, :, 0, 0].unique(dim=0).tolist() == [[10, 20, 30]]


def test_colour_may_be_dequantised_or_binarized(tmp_path):
    assert ppgen.data.load("cifar10", root=tmp_path, dequantize=True).measure == "continuous"
    assert ppgen.data.load("cifar10", root=tmp_path, binarize="dynamic").measure == "binary"


def test_celeba_is_cropped_reduced_and_decoded_once(tmp_path):
    (tmp_path / "celeba").mkdir()
    data = ppgen.data.load("celeba", root=tmp_path)
    assert [data.size(split) for split in data.splits] == [4, 4, 4]
    assert data.splits["test"]["attributes"].shape == (4, 40)
    # The crop is exactly the coloured square, so nothing of the black frame is left.
    for row, face in enumerate(data.splits["test"]["x"]):
        assert face.flatten(1).unique(dim=1).flatten().tolist() == [50 * row, 100, 150]
    before = CelebA.decoded
    again = ppgen.data.load("celeba", root=tmp_path)
    assert CelebA.decoded == before
    assert torch.equal(again.splits["test"]["x"], data.splits["test"]["x"])
    assert not list((tmp_path / "celeba").glob("*.partial*"))
