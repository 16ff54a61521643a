"""Published sets of images, from files of their formats, and through stand-ins for torchvision's classes."""

from __future__ import annotations

import bz2
import gzip
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import ppgen.data
from ppgen.data import image_sets, roots
from ppgen.data.image_sets import read_idx
from ppgen.errors import DataError, SettingError

IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"
RNG = np.random.default_rng(0)


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, rows in (("train", 60), ("t10k", 20)):
        images = RNG.integers(0, 256, (rows, 4, 3), dtype=np.uint8)
        images[:, 0, 0] = np.arange(rows)
        (raw / f"{IMAGES.format(prefix)}.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (raw / LABELS.format(prefix)).write_bytes(idx_bytes((np.arange(rows) % 10).astype(np.uint8)))
    return tmp_path


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 3)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_round_trip(tmp_path, shape, pack):
    array = RNG.integers(0, 256, shape, dtype=np.uint8)
    (tmp_path / "file").write_bytes(pack(idx_bytes(array)))
    assert np.array_equal(read_idx(tmp_path / "file"), array)


def test_splits_labels_and_grey_levels(mnist):
    data = ppgen.data.load("mnist", binarize=None, root=mnist, download=False)
    assert [data.size(split) for split in data.splits] == [50, 10, 20]
    assert (data.measure, data.protocol, data.x_shape) == ("8-bit", "256 grey levels, k / 255", (1, 4, 3))
    for columns in data.splits.values():
        assert torch.equal(columns["x"][:, 0, 0, 0].long() % 10, columns["y"])
    seen = torch.cat([data.splits[split]["x"][:, 0, 0, 0] for split in ("train", "valid")])
    assert seen.sort().values.tolist() == list(range(60))
    assert data.split()["x"].max() <= 1


def test_the_spec_builds_it_again(mnist):
    data = ppgen.data.load("mnist", root=mnist, seed=3)
    assert ppgen.data.load(**data.spec).fingerprint() == data.fingerprint()


def test_fashion_and_kmnist_have_folders_of_their_own(mnist):
    for name, folder in (("fashion", "FashionMNIST"), ("kmnist", "KMNIST")):
        with pytest.raises(DataError, match=f"{name}: a file is missing(.|\n)*{folder}"):
            ppgen.data.load(name, root=mnist, download=False)
        (mnist / folder).symlink_to(mnist / "MNIST")
        assert ppgen.data.load(name, root=mnist, download=False).name == name


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "starts with nothing"),
        (b"<html>not found</html>", "starts with 3c68746d, not with 000008"),
        (gzip.compress(idx_bytes(np.zeros((60, 4, 3), np.uint8)), mtime=0)[:-20], "cannot be read"),
        (idx_bytes(np.zeros((60, 4, 3), np.uint8))[:-1], r"719 bytes for a shape of \[60, 4, 3\]"),
        (b"\x00\x00\x08\x03\x00\x00", "cannot be read"),
        (idx_bytes(np.zeros((59, 4, 3), np.uint8)), "do not belong together"),
        (idx_bytes(np.zeros(60, np.uint8)), "do not belong together"),
    ],
)
def test_damaged_images_are_refused(mnist, content, told):
    (mnist / "MNIST" / "raw" / f"{IMAGES.format('train')}.gz").write_bytes(content)
    with pytest.raises(DataError, match=told):
        ppgen.data.load("mnist", root=mnist, download=False)


def test_labels_that_are_missing_or_beyond_nine_are_refused(mnist):
    labels = mnist / "MNIST" / "raw" / LABELS.format("train")
    labels.write_bytes(idx_bytes(np.full(60, 10, np.uint8)))
    with pytest.raises(DataError, match=r"labels .* up to 10"):
        ppgen.data.load("mnist", root=mnist, download=False)
    labels.unlink()
    with pytest.raises(DataError, match=r"expected: .*train-labels-idx1-ubyte.gz\n(.|\n)*PPGEN_DATA"):
        ppgen.data.load("mnist", root=mnist, download=False)


def lines(values, labels):
    rows = (
        f"{label + 1} " + " ".join(f"{i}:{value:.6f}" for i, value in enumerate(row, 1))
        for row, label in zip(values, labels, strict=True)
    )
    return "\n".join(rows).encode()


@pytest.fixture
def usps(tmp_path):
    (tmp_path / "USPS").mkdir()
    for file, rows in (("usps.bz2", 40), ("usps.t.bz2", 10)):
        values = RNG.uniform(-1, 1, (rows, 256))
        values[:, :3] = [-1.0, 0.0, 1.0]
        (tmp_path / "USPS" / file).write_bytes(bz2.compress(lines(values, np.arange(rows) % 10)))
    return tmp_path


def test_values_of_usps_become_bytes_and_its_labels_start_at_zero(usps):
    data = ppgen.data.load("usps", binarize=None, root=usps, download=False)
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
def test_usps_that_is_damaged_or_missing_is_refused(usps, content):
    (usps / "USPS" / "usps.bz2").write_bytes(content)
    with pytest.raises(DataError, match=r"usps: .*usps.bz2 cannot be read"):
        ppgen.data.load("usps", root=usps, download=False)
    (usps / "USPS" / "usps.bz2").unlink()
    with pytest.raises(DataError, match=r"usps: a file is missing\n  expected: .*usps.bz2"):
        ppgen.data.load("usps", root=usps, download=False)


@pytest.fixture
def bits(monkeypatch):
    rows = {"train": 5, "valid": 2, "test": 3}
    monkeypatch.setattr(image_sets, "_BITS", rows)
    return {split: RNG.integers(0, 2, (count, 784), dtype=np.uint8) for split, count in rows.items()}


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
    with pytest.raises(SettingError, match=r'fix: load\("mnist", binarize="dynamic"\)'):
        ppgen.data.load("binarized_mnist", binarize="dynamic", root=tmp_path)


def test_missing_bits_are_named_with_their_source(tmp_path):
    with pytest.raises(DataError, match=r"binarized_mnist_train.amat(.|\n)*fix: .*curl -O 'http"):
        ppgen.data.load("binarized_mnist", root=tmp_path)


def test_bits_in_the_wrong_number_are_refused(tmp_path, bits):
    bits["valid"] = bits["valid"][:1]
    write(tmp_path, "packed", bits)
    with pytest.raises(DataError, match=r"wrong number of valid images(.|\n)*expected: 2\n  got: 1"):
        ppgen.data.load("binarized_mnist", root=tmp_path)


def test_values_that_are_no_bits_are_refused(tmp_path, bits):
    bits["train"][0, 0] = 2
    write(tmp_path, "plain", bits)
    with pytest.raises(DataError, match="values other than 0 and 1"):
        ppgen.data.load("binarized_mnist", root=tmp_path)


def test_damaged_files_of_bits_are_refused(tmp_path, bits):
    write(tmp_path, "amat", bits)
    (tmp_path / "BinarizedMNIST" / "binarized_mnist_valid.amat").write_text("0 1 0\n")
    with pytest.raises(DataError, match=r"binarized_mnist_valid.amat cannot be read"):
        ppgen.data.load("binarized_mnist", root=tmp_path)
    (tmp_path / "BinarizedMNIST" / "binarized_mnist.npz").write_bytes(b"PK damaged")
    with pytest.raises(DataError, match=r"binarized_mnist.npz cannot be read"):
        ppgen.data.load("binarized_mnist", root=tmp_path)


def cifar10(root, train, download):
    rows = 40 if train else 10
    data = RNG.integers(0, 256, (rows, 32, 32, 3), dtype=np.uint8)
    data[:, 0, 0] = [10, 20, 30]
    return SimpleNamespace(data=data, targets=[i % 10 for i in range(rows)])


def svhn(root, split, download):
    rows = 40 if split == "train" else 10
    data = RNG.integers(0, 256, (rows, 3, 32, 32), dtype=np.uint8)
    data[:, :, 0, 0] = [10, 20, 30]
    return SimpleNamespace(data=data, labels=np.arange(rows) % 10)


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


@pytest.fixture
def torchvision(monkeypatch):
    stand_ins = SimpleNamespace(CIFAR10=cifar10, SVHN=svhn, CelebA=CelebA)
    monkeypatch.setattr(roots, "torchvision_datasets", lambda: stand_ins)


@pytest.mark.parametrize("name", ["cifar10", "svhn"])
def test_colour_keeps_256_levels_by_default(tmp_path, name, torchvision):
    data = ppgen.data.load(name, root=tmp_path)
    assert (data.measure, data.protocol, data.x_shape) == ("8-bit", "256 grey levels, k / 255", (3, 32, 32))
    assert [data.size(split) for split in data.splits] == [30, 10, 10]
    assert data.splits["train"]["x"].dtype == torch.uint8
    assert torch.equal(data.split()["x"], data.splits["test"]["x"] / 255)
    assert data.splits["test"]["x"][:, :, 0, 0].unique(dim=0).tolist() == [[10, 20, 30]], "channels come first"
    assert data.num_classes == {"y": 10}
    assert ppgen.data.load(name, root=tmp_path, dequantize=True).measure == "continuous"
    assert ppgen.data.load(name, root=tmp_path, binarize="dynamic").measure == "binary"


def test_celeba_is_cropped_reduced_and_decoded_once(tmp_path, torchvision):
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
    kept = {file.name for file in (tmp_path / "celeba").iterdir()}
    assert kept == {f"ppgen_{split}_64.npy" for split in data.splits}
