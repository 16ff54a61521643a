"""The sets that need no files: handwritten digits that come with scikit-learn, and sprites that are drawn here."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.roots import reading
from ppgen.data.splitting import shuffle_split

__all__ = ["FACTORS", "SHAPES", "draw", "read_digits", "read_sprites"]


def read_digits(root: Path, download: bool, seed: int) -> Source:
    """1077 + 360 + 360 digits, ``x`` [N, 1, 8, 8] with 17 grey levels and ``y`` the digit.

    The set has no official split; rows are shuffled with ``seed``. Each pixel counts the ink in a block of 4x4 bits:
    Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits.

    Args:
        root: not used; the file comes with scikit-learn.
        download: not used.
        seed: of the shuffle.
    """
    # The file that sklearn.datasets.load_digits reads, whose import would take longer than a short fit.
    package = importlib.util.find_spec("sklearn")
    path = Path(package.origin if package and package.origin else "sklearn").parent / "datasets/data/digits.csv.gz"
    with reading("digits", path):
        table = torch.from_numpy(np.loadtxt(path, delimiter=","))
    columns = {"x": table[:, :-1].to(torch.uint8).reshape(-1, 1, 8, 8), "y": table[:, -1].to(torch.int64)}
    return Source(shuffle_split(columns, 360, 360, seed), levels=16.0, num_classes={"y": 10})


SHAPES = ("square", "ellipse", "heart")
FACTORS = {"shape": 3, "scale": 4, "orientation": 6, "pos_x": 16, "pos_y": 16}

# A square looks the same after a quarter turn, an ellipse after a half, a heart after a whole one.
_PERIODS = (math.pi / 2, math.pi, 2 * math.pi)
# Radii in pixels of a 32x32 image. No pixel centre lies on an edge, where rounding would decide.
_SCALES = (3.3, 4.3, 5.3, 6.3)


def read_sprites(root: Path, download: bool, seed: int, size: int = 32) -> Source:
    """All 18432 combinations of the factors, 80 percent of them to train on and 10 each for valid and test.

    Args:
        root: not used; nothing is read from disk.
        download: not used.
        seed: of the split.
        size: 32 or 64.
    """
    columns = draw(size)
    num_held_out = len(columns["x"]) // 10
    splits = shuffle_split(columns, num_held_out, num_held_out, seed)
    return Source(splits, levels=1.0, num_classes=dict(FACTORS), bits="generated bits")


def draw(size: int = 32) -> dict[str, Tensor]:
    """Draw every combination of the factors, the last factor running fastest.

    ``pos_x`` grows to the right and ``pos_y`` downward, one pixel a step in a 32x32 image; ``orientation`` k of 6
    turns the shape by k / 6 of its period of symmetry (a quarter turn for the square, a half for the ellipse, a whole
    for the heart).

    Args:
        size: of the images, a multiple of 32.

    Returns:
        ``x`` [18432, 1, size, size] uint8 in {0, 1}, and the five factors, each int64 [18432].

    Example:
        >>> sprites = draw(32)
        >>> sprites["x"].shape, sprites["shape"].bincount()
        (torch.Size([18432, 1, 32, 32]), tensor([6144, 6144, 6144]))
    """
    unit = size // 32
    # Each shape is drawn once, in the middle of a canvas over which windows of the size of an image then slide. The
    # first window has the shape furthest right, so both axes are flipped.
    side = size + (FACTORS["pos_x"] - 1) * unit
    windows = _shapes(side, unit).unfold(-2, size, unit).unfold(-2, size, unit).flip(-4, -3)
    # [shape, scale, orientation, canvas row, canvas column, ...]: rows are pos_y, columns pos_x.
    x = windows.transpose(-4, -3).reshape(-1, 1, size, size).contiguous()
    grid = torch.cartesian_prod(*(torch.arange(count) for count in FACTORS.values()))
    return {"x": x} | {factor: grid[:, column].clone() for column, factor in enumerate(FACTORS)}


def _shapes(side: int, unit: int) -> Tensor:
    """Each shape at each scale and orientation amid a square canvas, uint8 [3, 4, 6, side, side]."""
    axis = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    down, right = torch.meshgrid(axis, axis, indexing="ij")
    turns = torch.arange(FACTORS["orientation"], dtype=torch.float64) / FACTORS["orientation"]
    radius = torch.tensor(_SCALES, dtype=torch.float64).mul(unit).reshape(-1, 1, 1, 1)
    insides = []
    for shape, period in zip(SHAPES, _PERIODS, strict=True):
        angle = (turns * period).reshape(-1, 1, 1)
        u = (angle.cos() * right + angle.sin() * down) / radius
        v = (angle.cos() * down - angle.sin() * right) / radius
        insides.append(_inside(shape, u, v))
    return torch.stack(insides).to(torch.uint8)


def _inside(shape: str, u: Tensor, v: Tensor) -> Tensor:
    """Whether points of the shape's own frame (v downward, unit radius) are inside it."""
    if shape == "square":
        return torch.maximum(u.abs(), v.abs()) <= 0.85
    if shape == "ellipse":
        return (u / 1.15) ** 2 + (v / 0.65) ** 2 <= 1.0
    p, q = 1.15 * u, 0.15 - 1.15 * v
    return (p**2 + q**2 - 1.0) ** 3 - p**2 * q**3 <= 0.0
