"""Larochelle's bits, in each of the forms that are read; 50,000 + 10,000 + 10,000 made small by patching the counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ppgen.data
from ppgen.data import binarized_mnist
from ppgen.errors import DataError, SettingError

ROWS = {"train": 5, "valid": 2, "test": 3}


@pytest.fixture
def bits(monkeypatch):
    monkeypatch.setattr(binarized_mnist, "_ROWS", ROWS)
    rng = np.random.default_rng(0)
    return {split: rng.integers(0, 2, (rows, 784), dtype=np.uint8) for split, rows in ROWS.items()}


def write(root, form, bits):
    folder = root / "BinarizedMNIST"
    folder.mkdir()
    if form == "packed":
        packed = {split: np.packbits(array, axis=1) for split, array in bits.items()}
        np.savez_compressed(folder / "binarized_mnist.npz", **packed)
    elif form == "plain":
        np.savez(folder / "binarized_mnist.npz", **bits)
    else:
        for split, array in bits.items():
            text = "\n".join(" ".join(map(str, row)) for row in array)
            (folder / f"binarized_mnist_{split}.amat").write_text(text + "\n")


@pytest.mark.parametrize("form", ["packed", "plain", "amat"])
def test_every_form_gives_the_same_bits_in_their_published_order(tmp_path, bits, form):
    write(tmp_path, form, bits)
    data = ppgen.data.load("binarized_mnist", root=tmp_path)
    assert data.measure == "binary"
    assert "Larochelle" in data.protocol
    for split, array in bits.items():
        assert torch.equal(data.split(split)["x"].flatten(1), torch.from_numpy(array).float())


def test_the_missing_file_is_named_with_its_source(tmp_path):
    with pytest.raises(DataError, match=r"binarized_mnist_train.amat(.|\n)*fix: .*curl -O http"):
        ppgen.data.load("binarized_mnist", root=tmp_path)


def test_other_bits_are_another_data_set(tmp_path, bits):
    write(tmp_path, "packed", bits)
    with pytest.raises(SettingError, match=r'fix: load\("mnist", binarize="dynamic"\)'):
        ppgen.data.load("binarized_mnist", binarize="dynamic", root=tmp_path)


def test_the_wrong_number_of_images_is_refused(tmp_path, bits):
    bits["valid"] = bits["valid"][:1]
    write(tmp_path, "packed", bits)
    with pytest.raises(DataError, match=r"wrong number of valid images(.|\n)*expected: 2\n  got: 1"):
        ppgen.data.load("binarized_mnist", root=tmp_path)


@pytest.mark.parametrize("value", [2, 255])
def test_values_that_are_no_bits_are_refused(tmp_path, bits, value):
    bits["train"][0, 0] = value
    write(tmp_path, "plain", bits)
    with pytest.raises(DataError, match="values other than 0 and 1"):
        ppgen.data.load("binarized_mnist", root=tmp_path)


def test_a_damaged_file_is_refused(tmp_path, bits):
    write(tmp_path, "amat", bits)
    (tmp_path / "BinarizedMNIST" / "binarized_mnist_valid.amat").write_text("0 1 0\n")
    with pytest.raises(DataError, match=r"binarized_mnist_valid.amat cannot be read"):
        ppgen.data.load("binarized_mnist", root=tmp_path)
    (tmp_path / "BinarizedMNIST" / "binarized_mnist.npz").write_bytes(b"PK damaged")
    with pytest.raises(DataError, match=r"binarized_mnist.npz cannot be read"):
        ppgen.data.load("binarized_mnist", root=tmp_path)
