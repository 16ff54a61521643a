"""Colour images through torchvision: CIFAR-10, SVHN and CelebA, stored as 8-bit levels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.dataset import carve
from ppgen.data.roots import fetch

__all__ = ["read_celeba", "read_cifar10", "read_svhn"]

_NUM_VALID = 5000


def read_cifar10(root: Path, download: bool, seed: int) -> Source:
    """Read CIFAR-10 from ``root/cifar-10-batches-py``; 5000 training images become the valid split."""

    def columns(train: bool) -> dict[str, Tensor]:
        def make(datasets: Any, fresh: bool) -> Any:
            return datasets.CIFAR10(str(root), train=train, download=fresh)

        found = fetch("cifar10", root, download, make)
        return _labelled(found.data.transpose(0, 3, 1, 2), found.targets)

    return _source(columns(True), columns(False), seed)


def read_svhn(root: Path, download: bool, seed: int) -> Source:
    """Read SVHN's cropped digits from ``root/SVHN``; 5000 training images become the valid split."""

    def columns(split: str) -> dict[str, Tensor]:
        def make(datasets: Any, fresh: bool) -> Any:
            return datasets.SVHN(str(root / "SVHN"), split=split, download=fresh)

        found = fetch("svhn", root / "SVHN", download, make)
        return _labelled(found.data, found.labels)

    return _source(columns("train"), columns("test"), seed)


def read_celeba(root: Path, download: bool, seed: int) -> Source:
    """Read CelebA from ``root/celeba``, its official splits, with ``attributes`` [N, 40] of 0 and 1.

    The central 148x148 pixels, reduced to 64x64: Larsen et al. (2016), Autoencoding beyond Pixels. Decoding takes
    minutes, so the pixels are kept in ``root/celeba/ppgen_SPLIT_64.npy``.
    """

    def columns(split: str) -> dict[str, Tensor]:
        def make(datasets: Any, fresh: bool) -> Any:
            return datasets.CelebA(str(root), split=split, download=fresh)

        found = fetch("celeba", root, download, make)
        pixels = _decoded(found, root / "celeba" / f"ppgen_{split}_64.npy")
        return {"x": torch.from_numpy(pixels), "attributes": found.attr.to(torch.int64)}

    return Source({split: columns(split) for split in ("train", "valid", "test")})


def _source(train: dict[str, Tensor], test: dict[str, Tensor], seed: int) -> Source:
    return Source(carve(train, test, min(_NUM_VALID, len(train["y"]) // 4), seed), num_classes={"y": 10})


def _labelled(images: np.ndarray, labels: Any) -> dict[str, Tensor]:
    y = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    return {"x": torch.from_numpy(np.ascontiguousarray(images, dtype=np.uint8)), "y": y}


def _decoded(faces: Any, kept: Path) -> np.ndarray:
    if kept.is_file():
        pixels = np.load(kept, allow_pickle=False)
        if pixels.shape == (len(faces), 3, 64, 64):
            return pixels
    pixels = np.empty((len(faces), 3, 64, 64), dtype=np.uint8)
    for row in range(len(faces)):
        image = faces[row][0]
        left, top = (image.width - 148) // 2, (image.height - 148) // 2
        face = image.crop((left, top, left + 148, top + 148)).resize((64, 64))
        pixels[row] = np.asarray(face.convert("RGB")).transpose(2, 0, 1)
    # Written aside and renamed, so that an interrupted run leaves no half of a file.
    partial = kept.with_suffix(".partial.npy")
    np.save(partial, pixels)
    os.replace(partial, kept)
    return pixels
