"""Points that are drawn here: two bumps on a line, and eight on a ring, whose density is known."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.splitting import shuffle_split

__all__ = ["POINTS", "centres", "draw_points", "read_points"]

POINTS = {"line": 0.3, "ring": 0.1}
"""The sets, and the standard deviation of each one's Gaussians."""

_ROWS = 10_000


def centres(name: str) -> Tensor:
    """The means of the equally likely Gaussians, [modes, dims]: -1 and 1 on the line; eight on a ring of radius 2.

    Args:
        name: ``"line"`` or ``"ring"``.

    Example:
        >>> centres("line")
        tensor([[-1.],
                [ 1.]])
    """
    if name == "line":
        return torch.tensor([[-1.0], [1.0]])
    angles = torch.arange(8) * (math.pi / 4)
    return 2.0 * torch.stack([angles.cos(), angles.sin()], dim=1)


def draw_points(name: str, n: int, seed: int) -> dict[str, Tensor]:
    """Draw from the mixture.

    Args:
        name: ``"line"`` or ``"ring"``.
        n: how many.
        seed: of the draw.

    Returns:
        ``x`` [n, dims], and the Gaussian that each was drawn from, ``y`` [n].

    Example:
        >>> draw_points("ring", 5, seed=0)["x"].shape
        torch.Size([5, 2])
    """
    generator = torch.Generator().manual_seed(seed)
    means = centres(name)
    y = torch.randint(len(means), (n,), generator=generator)
    return {"x": means[y] + POINTS[name] * torch.randn(n, means.shape[1], generator=generator), "y": y}


def read_points(root: Path, download: bool, seed: int, name: str) -> Source:
    """Ten thousand points, a tenth of them each for valid and test.

    Args:
        root: not used; nothing is read from disk.
        download: not used.
        seed: of the draw, and of the split.
        name: ``"line"`` or ``"ring"``.
    """
    columns, held_out = draw_points(name, _ROWS, seed), _ROWS // 10
    splits = shuffle_split(columns, held_out, held_out, seed)
    return Source(splits, levels=None, num_classes={"y": len(centres(name))}, made=f"drawn, seed {seed}")
