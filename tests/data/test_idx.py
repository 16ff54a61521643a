"""IDX files written here, byte by byte, and read back; then broken in every way."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
import torch

import ppgen.data
from ppgen.data.idx import read_idx
from ppgen.errors import DataError

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
