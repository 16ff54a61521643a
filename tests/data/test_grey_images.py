"""Grey digits and their like, read from files: the MNIST family, USPS, and binarized MNIST."""

from __future__ import annotations

import bz2
import gzip
import struct

import numpy as np
import pytest
import torch

import ppgen.data
from ppgen.data import grey_images
from ppgen.data.grey_images import read_idx
from ppgen.errors import DataError, SettingError

IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, rows in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (rows, 4, 3), dtype=np.uint8)
        images[:, 0, 0] = np.arange(rows)
        (raw / f"{IMAGES.format(prefix)}.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (raw / LABELS.format(prefix)).write_bytes(idx_bytes((np.arange(rows) % 10).astype(np.uint8)))
    return tmp_path


@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (0, 3)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_round_trip(tmp_path, shape, pack):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    (tmp_path / "file").write_bytes(pack(idx_bytes(array)))
    assert np.array_equal(read_idx(tmp_path / "file"), array)


def test_splits_labels_and_grey_levels(root):
    data = ppgen.data.load("mnist", binarize=None, root=root, download=False)
    assert [data.size(split) for split in data.splits] == [50, 10, 20]
    assert (data.measure, data.protocol, data.x_shape) == ("8-bit", "256 grey levels, k / 255", (1, 4, 3))
    for columns in data.splits.values():
        assert torch.equal(columns["x"][:, 0, 0, 0].long() % 10, columns["y"])
    seen = sorted(columns["x"][i, 0, 0, 0].item() for s, columns in data.splits.items() if s != "test"
                  for i in range(len(columns["x"])))  # fmt: skip
    assert seen == list(range(60))
    assert data.split()["x"].max() <= 1


def test_the_spec_builds_it_again(root):
    data = ppgen.data.load("mnist", root=root, seed=3)
    assert ppgen.data.load(**data.spec).fingerprint() == data.fingerprint()


def test_the_root_may_come_from_the_environment(root, monkeypatch):
    monkeypatch.setenv("PPGEN_DATA", str(root))
    assert ppgen.data.load("mnist", download=False).size("test") == 20


def test_fashion_and_kmnist_have_folders_of_their_own(root):
    for name, folder in (("fashion", "FashionMNIST"), ("kmnist", "KMNIST")):
        with pytest.raises(DataError, match=f"{name}: a file is missing(.|\n)*{folder}"):
            ppgen.data.load(name, root=root, download=False)
        (root / folder).symlink_to(root / "MNIST")
        assert ppgen.data.load(name, root=root, download=False).name == name


def test_a_missing_file_is_named(root):
    (root / "MNIST" / "raw" / LABELS.format("t10k")).unlink()
    with pytest.raises(DataError, match=r"expected: .*t10k-labels-idx1-ubyte.gz\n(.|\n)*PPGEN_DATA"):
        ppgen.data.load("mnist", root=root, download=False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "starts with nothing"),
        (b"<html>not found</html>", "starts with 3c68746d"),
        (b"\x1f\x8b damaged", "cannot be read"),
        (gzip.compress(idx_bytes(np.zeros((60, 4, 3), np.uint8)), mtime=0)[:-20], "cannot be read"),
        (idx_bytes(np.zeros((60, 4, 3), np.uint8))[:-1], r"719 bytes for a shape of \[60, 4, 3\]"),
        (idx_bytes(np.zeros((60, 4, 3), np.uint8)) + b"x", "721 bytes"),
        (b"\x00\x00\x08\x03\x00\x00", "cannot be read"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "not with 000008"),
        (idx_bytes(np.zeros((59, 4, 3), np.uint8)), "do not belong together"),
        (idx_bytes(np.zeros(60, np.uint8)), "do not belong together"),
    ],
)
def test_a_damaged_file_is_refused(root, content, told):
    (root / "MNIST" / "raw" / f"{IMAGES.format('train')}.gz").write_bytes(content)
    with pytest.raises(DataError, match=told):
        ppgen.data.load("mnist", root=root, download=False)


def test_labels_beyond_nine_are_refused(root):
    (root / "MNIST" / "raw" / LABELS.format("train")).write_bytes(idx_bytes(np.full(60, 10, np.uint8)))
    with pytest.raises(DataError, match=r"labels .* up to 10"):
        ppgen.data.load("mnist", root=root, download=False)


def lines(values, labels):
    rows = (
        f"{label + 1} " + " ".join(f"{i}:{value:.6f}" for i, value in enumerate(row, 1))
        for row, label in zip(values, labels, strict=True)
    )
    return "\n".join(rows).encode()


@pytest.fixture
def root_usps(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "USPS").mkdir()
    for file, rows in (("usps.bz2", 40), ("usps.t.bz2", 10)):
        values = rng.uniform(-1, 1, (rows, 256))
        values[:, :3] = [-1.0, 0.0, 1.0]
        (tmp_path / "USPS" / file).write_bytes(bz2.compress(lines(values, np.arange(rows) % 10)))
    return tmp_path


def test_values_become_bytes_and_labels_start_at_zero(root_usps):
    data = ppgen.data.load("usps", binarize=None, root=root_usps, download=False)
    assert data.x_shape == (1, 16, 16)
    assert [data.size(split) for split in data.splits] == [30, 10, 10]
    assert torch.equal(data.splits["test"]["y"], torch.arange(10))
    assert data.splits["test"]["x"][:, 0, 0, :3].unique(dim=0).tolist() == [[0, 127, 255]]


@pytest.mark.parametrize(
    "content",
    [
        b"not bz2",
        bz2.compress(b"1 1:0.5 2:0.5"),
        bz2.compress(lines(np.zeros((2, 256)), [3, 10])),
        bz2.compress(lines(np.full((2, 256), 1.5), [3, 4])),
        bz2.compress(lines(np.zeros((2, 256)), [3, 4]).replace(b" 7:", b" 8:")),
        bz2.compress(lines(np.full((2, 256), np.nan), [3, 4])),
    ],
)
def test_a_damaged_file_is_refused_usps(root_usps, content):
    (root_usps / "USPS" / "usps.bz2").write_bytes(content)
    with pytest.raises(DataError, match=r"usps: .*usps.bz2 cannot be read"):
        ppgen.data.load("usps", root=root_usps, download=False)


def test_a_missing_file_is_named_usps(root_usps):
    (root_usps / "USPS" / "usps.t.bz2").unlink()
    with pytest.raises(DataError, match=r"usps: a file is missing\n  expected: .*usps.t.bz2"):
        ppgen.data.load("usps", root=root_usps, download=False)


ROWS = {"train": 5, "valid": 2, "test": 3}


@pytest.fixture
def bits(monkeypatch):
    monkeypatch.setattr(grey_images, "_ROWS", ROWS)
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


def test_a_damaged_file_is_refused_binarized_mnist(tmp_path, bits):
    write(tmp_path, "amat", bits)
    (tmp_path / "BinarizedMNIST" / "binarized_mnist_valid.amat").write_text("0 1 0\n")
    with pytest.raises(DataError, match=r"binarized_mnist_valid.amat cannot be read"):
        ppgen.data.load("binarized_mnist", root=tmp_path)
    (tmp_path / "BinarizedMNIST" / "binarized_mnist.npz").write_bytes(b"PK damaged")
    with pytest.raises(DataError, match=r"binarized_mnist.npz cannot be read"):
        ppgen.data.load("binarized_mnist", root=tmp_path)
