"""The MNIST family: IDX files, read by us, so that no torchvision is needed where the files are."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.roots import fetch, missing, reading
from ppgen.data.splits import carve
from ppgen.errors import DataError

__all__ = ["read", "read_idx"]

_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read(root: Path, download: bool, seed: int, folder: str = "MNIST", name: str = "mnist") -> Source:
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
