"""USPS: 9298 digits of 16x16 pixels, scanned from envelopes (Hull, 1994)."""

from __future__ import annotations

import bz2
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.roots import fetch, missing, reading
from ppgen.data.splits import carve

__all__ = ["read"]

_FILES = {"train": "usps.bz2", "test": "usps.t.bz2"}


def read(root: Path, download: bool, seed: int) -> Source:
    """Read USPS in libsvm's format; 1000 of its 7291 training images become the valid split.

    Grey levels in [-1, 1] become uint8 as in torchvision, ``floor(255 (value + 1) / 2)``.

    Args:
        root: ``root/USPS`` has ``usps.bz2`` and ``usps.t.bz2``.
        download: fetch missing files through torchvision, which checks them.
        seed: of the valid split.
    """
    folder = root / "USPS"
    for split, file in _FILES.items():
        if not (folder / file).is_file():
            if not download:
                raise missing("usps", folder / file)
            fetch("usps", folder, True, partial(_torchvision, folder, split == "train"))
    train, test = (_columns(folder / _FILES[split]) for split in ("train", "test"))
    return Source(carve(train, test, min(1000, len(train["y"]) // 4), seed), num_classes={"y": 10})


def _torchvision(folder: Path, train: bool, datasets: Any, download: bool) -> Any:
    return datasets.USPS(str(folder), train=train, download=download)


def _columns(path: Path) -> dict[str, Tensor]:
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
