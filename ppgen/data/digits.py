"""The embedded set: 1797 handwritten digits of 8x8 pixels that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ppgen.data.binarize import Source
from ppgen.data.splits import shuffle_split

__all__ = ["read"]


def read(root: Path, download: bool, seed: int) -> Source:
    """1077 + 360 + 360 digits, ``x`` [N, 1, 8, 8] with 17 grey levels and ``y`` the digit.

    The set has no official split; rows are shuffled with ``seed``. Each pixel counts the ink in a block of 4x4 bits:
    Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = torch.from_numpy(bunch.images.astype(np.uint8)).unsqueeze(1)
    y = torch.from_numpy(bunch.target.astype(np.int64))
    return Source(shuffle_split({"x": x, "y": y}, 360, 360, seed), levels=16.0, num_classes={"y": 10})
