"""Grey digits and their like, read from files: the MNIST family, USPS, and binarized MNIST."""

from __future__ import annotations

import bz2
import gzip
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.dataset import carve
from ppgen.data.roots import fetch, missing, reading
from ppgen.errors import DataError

__all__ = ["SOURCE", "read_binarized_mnist", "read_idx", "read_mnist_like", "read_usps"]


_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


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
    absent = [file for pair in _FILES.values() for file in pair if _find(raw, file) is None]
    if absent and not download:
        raise missing(name, raw / f"{absent[0]}.gz")
    if absent:
        fetch(name, root, True, lambda datasets, fresh: getattr(datasets, folder)(str(root), download=fresh))
    train, test = (_columns(name, raw, split) for split in ("train", "test"))
    return Source(carve(train, test, len(train["y"]) // 6, seed), num_classes={"y": 10})


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


def _columns(name: str, raw: Path, split: str) -> dict[str, Tensor]:
    images, labels = (read_idx(_find(raw, file) or raw / file) for file in _FILES[split])
    if images.ndim != 3 or labels.shape != images.shape[:1] or (labels.size and labels.max() > 9):
        raise DataError(
            f"{name}: images and labels in {raw} do not belong together",
            expected="images [N, height, width] and labels 0..9 [N]",
            got=f"images {list(images.shape)}, labels {list(labels.shape)} up to {labels.max(initial=0)}",
            fix="delete the files and fetch them again",
        )
    return {"x": torch.from_numpy(images.copy()).unsqueeze(1), "y": torch.from_numpy(labels.astype(np.int64))}


def _find(raw: Path, file: str) -> Path | None:
    return next((path for path in (raw / file, raw / f"{file}.gz") if path.is_file()), None)


_FILES_USPS = {"train": "usps.bz2", "test": "usps.t.bz2"}


def read_usps(root: Path, download: bool, seed: int) -> Source:
    """Read USPS in libsvm's format; 1000 of its 7291 training images become the valid split.

    Grey levels in [-1, 1] become uint8 as in torchvision, ``floor(255 (value + 1) / 2)``.

    Args:
        root: ``root/USPS`` has ``usps.bz2`` and ``usps.t.bz2``.
        download: fetch missing files through torchvision, which checks them.
        seed: of the valid split.
    """
    folder = root / "USPS"
    for split, file in _FILES_USPS.items():
        if not (folder / file).is_file():
            if not download:
                raise missing("usps", folder / file)
            fetch("usps", folder, True, partial(_torchvision, folder, split == "train"))
    train, test = (_columns_usps(folder / _FILES_USPS[split]) for split in ("train", "test"))
    return Source(carve(train, test, min(1000, len(train["y"]) // 4), seed), num_classes={"y": 10})


def _torchvision(folder: Path, train: bool, datasets: Any, download: bool) -> Any:
    return datasets.USPS(str(folder), train=train, download=download)


def _columns_usps(path: Path) -> dict[str, Tensor]:
    """Parse lines ``label+1 1:value ... 256:value``."""
    with reading("usps", path):
        text = bz2.decompress(path.read_bytes()).replace(b":", b" ")
        table = np.array(text.split(), dtype="S16").astype(np.float64).reshape(-1, 1 + 2 * 256)
        labels, indices, values = table[:, 0] - 1, table[:, 1::2], table[:, 2::2]
        if (indices != np.arange(1, 257)).any() or not np.isin(labels, np.arange(10)).all():
            raise ValueError("not 256 numbered values and a label 1..10 a line")
        if not np.abs(values).max(initial=0.0) <= 1.0:  # also true of NaN
            raise ValueError("values outside [-1, 1]")
    x = ((values.astype(np.float32) + 1) / 2 * 255).astype(np.uint8).reshape(-1, 1, 16, 16)
    return {"x": torch.from_numpy(x), "y": torch.from_numpy(labels.astype(np.int64))}


SOURCE = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist"
_ROWS = {"train": 50_000, "valid": 10_000, "test": 10_000}


def read_binarized_mnist(root: Path, download: bool, seed: int) -> Source:
    """Read the three splits, ``x`` [N, 1, 28, 28] bits without labels, in their published order.

    Args:
        root: ``root/BinarizedMNIST`` has either ``binarized_mnist.npz`` with arrays train, valid and test of bits
            (uint8 [N, 784], or packed by ``numpy.packbits`` to [N, 98]), or the three files of :data:`SOURCE`,
            ``binarized_mnist_train.amat`` and so on: text, 784 digits a line.
        download: not used: the source has neither encryption nor checksums, so the files are the user's to fetch.
        seed: not used: bits and split are fixed.
    """
    folder = root / "BinarizedMNIST"
    packed = folder / "binarized_mnist.npz"
    splits = {split: {"x": bits} for split, bits in (_npz(packed) if packed.is_file() else _amat(folder)).items()}
    for split, columns in splits.items():
        if len(columns["x"]) != _ROWS[split]:
            raise DataError(
                f"binarized_mnist: wrong number of {split} images in {folder}",
                expected=str(_ROWS[split]),
                got=str(len(columns["x"])),
                fix="fetch the file again",
            )
    return Source(splits, levels=1.0, bits="static bits of Larochelle's fixed split")


def _npz(path: Path) -> dict[str, Tensor]:
    with reading("binarized_mnist", path), path.open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        return {
            split: _images(np.unpackbits(arrays[split], axis=1) if arrays[split].shape[1] == 98 else arrays[split])
            for split in _ROWS
        }


def _amat(folder: Path) -> dict[str, Tensor]:
    splits = {}
    for split in _ROWS:
        path = folder / f"binarized_mnist_{split}.amat"
        if not path.is_file():
            urls = " ".join(f"-O {SOURCE}/binarized_mnist_{part}.amat" for part in _ROWS)
            raise missing("binarized_mnist", path, fix=f"in {folder}: curl {urls}")
        with reading("binarized_mnist", path):
            digits = path.read_bytes().translate(None, b" \r\n\t")
            splits[split] = _images(np.frombuffer(digits, dtype=np.uint8).reshape(-1, 784) - ord("0"))
    return splits


def _images(bits: np.ndarray) -> Tensor:
    if bits.size and bits.max() > 1:
        raise ValueError("values other than 0 and 1")
    return torch.from_numpy(bits.astype(np.uint8).reshape(-1, 1, 28, 28))
