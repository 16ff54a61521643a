"""Published sets of images, read from files: the MNIST family, binarized MNIST, USPS, CIFAR-10, SVHN and CelebA.

MNIST's and USPS's formats are read here, since importing torchvision takes as long as many a fit; it downloads, and it
reads the colour images.
"""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.roots import fetch, missing, reading
from ppgen.data.splitting import carve
from ppgen.errors import DataError
from ppgen.files import replace

__all__ = [
    "read_binarized_mnist",
    "read_celeba",
    "read_cifar10",
    "read_idx",
    "read_mnist_like",
    "read_svhn",
    "read_usps",
]

_IDX = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_USPS = {"train": "usps.bz2", "test": "usps.t.bz2"}
_BITS = {"train": 50_000, "valid": 10_000, "test": 10_000}
_BITS_FROM = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist"


def read_mnist_like(root: Path, download: bool, seed: int, folder: str = "MNIST", name: str = "mnist") -> Source:
    """Read MNIST or a set of its form; a sixth of the official training images (10,000) becomes the valid split.

    Args:
        root: ``root/MNIST/raw`` has the files, as torchvision lays them out, gzipped or not.
        download: fetch missing files through torchvision, which checks them.
        seed: of the valid split.
        folder: ``"MNIST"``, ``"FashionMNIST"`` or ``"KMNIST"``, also torchvision's name of the class.
        name: for error texts.
    """
    raw = root / folder / "raw"
    absent = [raw / f"{file}.gz" for pair in _IDX.values() for file in pair if _find(raw, file) is None]
    if absent:
        fetch(name, root, download, folder, absent=absent[0])
    train, test = (_read_pair(name, raw, split) for split in _IDX)
    return _ten_classes(train, test, len(train["y"]) // 6, seed)


def read_idx(path: Path) -> np.ndarray:
    """An IDX file of unsigned bytes, gzipped or not: two zeros, type 8, rank, big-endian sizes, then the bytes.

    Raises:
        DataError: if it is damaged, truncated or of another format.
    """
    with reading("IDX file", path):
        packed = path.read_bytes()
        data = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
        if len(data) < 4 or data[:3] != b"\x00\x00\x08":
            raise ValueError(f"starts with {data[:4].hex() or 'nothing'}, not with 000008")
        start = 4 + 4 * data[3]
        shape = np.frombuffer(data[4:start], dtype=">u4").astype(int)
        if len(shape) != data[3] or len(data) - start != int(np.prod(shape)):
            raise ValueError(f"{len(data) - start} bytes for a shape of {shape.tolist()}")
        return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _read_pair(name: str, raw: Path, split: str) -> dict[str, Tensor]:
    images, labels = (read_idx(_find(raw, file) or raw / file) for file in _IDX[split])
    if images.ndim != 3 or labels.shape != images.shape[:1] or (labels.size and labels.max() > 9):
        raise DataError(
            f"{name}: images and labels in {raw} do not belong together",
            expected="images [N, height, width] and labels 0..9 [N]",
            got=f"images {list(images.shape)}, labels {list(labels.shape)} up to {labels.max(initial=0)}",
            fix="delete the files and fetch them again",
            code="D023",
        )
    return _labelled(images[:, None], labels)


def _find(raw: Path, file: str) -> Path | None:
    return next((path for path in (raw / file, raw / f"{file}.gz") if path.is_file()), None)


def read_usps(root: Path, download: bool, seed: int) -> Source:
    """Read USPS in libsvm's format; 1000 of its 7291 training images become the valid split.

    Grey levels in [-1, 1] become uint8 as in torchvision, ``floor(255 (value + 1) / 2)``.

    Args:
        root: ``root/USPS`` has ``usps.bz2`` and ``usps.t.bz2``.
        download: fetch missing files through torchvision, which checks them.
        seed: of the valid split.
    """
    folder = root / "USPS"
    for split, file in _USPS.items():
        if not (folder / file).is_file():
            fetch("usps", folder, download, "USPS", absent=folder / file, train=split == "train")
    train, test = (_read_libsvm(folder / file) for file in _USPS.values())
    return _ten_classes(train, test, min(1000, len(train["y"]) // 4), seed)


def _read_libsvm(path: Path) -> dict[str, Tensor]:
    """Parse lines ``label+1 1:value ... 256:value``."""
    with reading("usps", path):
        text = bz2.decompress(path.read_bytes()).replace(b":", b" ")
        table = np.array(text.split(), dtype="S16").astype(np.float64).reshape(-1, 1 + 2 * 256)
        labels, indices, values = table[:, 0] - 1, table[:, 1::2], table[:, 2::2]
        if (indices != np.arange(1, 257)).any() or not np.isin(labels, np.arange(10)).all():
            raise ValueError("not 256 numbered values and a label 1..10 a line")
        if not np.abs(values).max(initial=0.0) <= 1.0:  # also true of NaN
            raise ValueError("values outside [-1, 1]")
    return _labelled(((values.astype(np.float32) + 1) / 2 * 255).reshape(-1, 1, 16, 16), labels)


def read_binarized_mnist(root: Path, download: bool, seed: int) -> Source:
    """Read the three splits, ``x`` [N, 1, 28, 28] bits without labels, in their published order.

    Args:
        root: ``root/BinarizedMNIST`` has either ``binarized_mnist.npz`` with arrays train, valid and test of bits
            (uint8 [N, 784], or packed by ``numpy.packbits`` to [N, 98]), or the three files as they were published,
            ``binarized_mnist_train.amat`` and so on: text, 784 digits a line.
        download: not used: the source has neither encryption nor checksums, so the files are the user's to fetch.
        seed: not used: bits and split are fixed.
    """
    folder = root / "BinarizedMNIST"
    packed = folder / "binarized_mnist.npz"
    splits = {split: {"x": bits} for split, bits in (_npz(packed) if packed.is_file() else _amat(folder)).items()}
    for split, columns in splits.items():
        if len(columns["x"]) != _BITS[split]:
            raise DataError(
                f"binarized_mnist: wrong number of {split} images in {folder}",
                expected=str(_BITS[split]),
                got=str(len(columns["x"])),
                fix="fetch the file again",
                code="D024",
            )
    return Source(splits, levels=1.0, bits="static bits of Larochelle's fixed split")


def _npz(path: Path) -> dict[str, Tensor]:
    with reading("binarized_mnist", path), path.open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        found = {split: arrays[split] for split in _BITS}
        return {split: _bits(np.unpackbits(b, axis=1) if b.shape[1] == 98 else b) for split, b in found.items()}


def _amat(folder: Path) -> dict[str, Tensor]:
    splits = {}
    for split in _BITS:
        path = folder / f"binarized_mnist_{split}.amat"
        if not path.is_file():
            raise missing("binarized_mnist", path, fix=f"in {folder}: curl -O '{_BITS_FROM}_{{train,valid,test}}.amat'")
        with reading("binarized_mnist", path):
            digits = path.read_bytes().translate(None, b" \r\n\t")
            splits[split] = _bits(np.frombuffer(digits, dtype=np.uint8).reshape(-1, 784) - ord("0"))
    return splits


def _bits(bits: np.ndarray) -> Tensor:
    if bits.size and bits.max() > 1:
        raise ValueError("values other than 0 and 1")
    return torch.from_numpy(bits.astype(np.uint8).reshape(-1, 1, 28, 28))


def read_cifar10(root: Path, download: bool, seed: int) -> Source:
    """Read CIFAR-10 from ``root/cifar-10-batches-py``; 5000 training images become the valid split.

    Args:
        root: the folder of all data files.
        download: fetch missing files.
        seed: of the valid split.
    """
    found = (fetch("cifar10", root, download, "CIFAR10", train=train) for train in (True, False))
    train, test = (_labelled(part.data.transpose(0, 3, 1, 2), part.targets) for part in found)
    return _ten_classes(train, test, min(5000, len(train["y"]) // 4), seed)


def read_svhn(root: Path, download: bool, seed: int) -> Source:
    """Read SVHN's cropped digits from ``root/SVHN``; 5000 training images become the valid split.

    Args:
        root: the folder of all data files.
        download: fetch missing files.
        seed: of the valid split.
    """
    found = (fetch("svhn", root / "SVHN", download, "SVHN", split=split) for split in ("train", "test"))
    train, test = (_labelled(part.data, part.labels) for part in found)
    return _ten_classes(train, test, min(5000, len(train["y"]) // 4), seed)


def _labelled(images: np.ndarray, labels: Any) -> dict[str, Tensor]:
    x = torch.from_numpy(np.array(images, dtype=np.uint8, order="C"))
    return {"x": x, "y": torch.from_numpy(np.array(labels, dtype=np.int64))}


def _ten_classes(train: dict[str, Tensor], test: dict[str, Tensor], num_valid: int, seed: int) -> Source:
    return Source(carve(train, test, num_valid, seed), num_classes={"y": 10})


def read_celeba(root: Path, download: bool, seed: int) -> Source:
    """Read CelebA from ``root/celeba``, its official splits, with ``attributes`` [N, 40] of 0 and 1.

    The central 148x148 pixels, reduced to 64x64: Larsen et al. (2016), Autoencoding beyond Pixels. Decoding takes
    minutes, so the pixels are kept in ``root/celeba/ppgen_SPLIT_64.npy``.

    Args:
        root: the folder of all data files.
        download: fetch missing files.
        seed: not used: the splits are fixed.
    """
    splits = {}
    for split in ("train", "valid", "test"):
        found = fetch("celeba", root, download, "CelebA", split=split)
        pixels = _decoded(found, root / "celeba" / f"ppgen_{split}_64.npy")
        splits[split] = {"x": torch.from_numpy(pixels), "attributes": found.attr.to(torch.int64)}
    return Source(splits)


def _decoded(faces: Any, kept: Path) -> np.ndarray:
    shape = (len(faces), 3, 64, 64)
    if kept.is_file() and (pixels := np.load(kept, allow_pickle=False)).shape == shape:
        return pixels
    pixels = np.empty(shape, dtype=np.uint8)
    for row in range(len(faces)):
        image = faces[row][0]
        left, top = (image.width - 148) // 2, (image.height - 148) // 2
        face = image.crop((left, top, left + 148, top + 148)).resize((64, 64))
        pixels[row] = np.asarray(face.convert("RGB")).transpose(2, 0, 1)
    replace(kept, lambda temporary: np.save(temporary, pixels))
    return pixels
