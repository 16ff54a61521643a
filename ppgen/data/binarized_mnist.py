"""Binarized MNIST with the fixed bits and split of Larochelle and Murray (2011), after Salakhutdinov and Murray (2008).

The test file is sorted by digit: a prefix of it is no sample of the test set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.roots import missing, reading
from ppgen.errors import DataError

__all__ = ["SOURCE", "read"]

SOURCE = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist"
_ROWS = {"train": 50_000, "valid": 10_000, "test": 10_000}


def read(root: Path, download: bool, seed: int) -> Source:
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
