"""Moved copies of training images: shifted, turned, scaled or mirrored a little."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ppgen.arguments import finite_number, whole_number
from ppgen.checked import checked
from ppgen.data.conditioning import derived, refuse_domains
from ppgen.data.dataset import Dataset
from ppgen.data.splitting import check_seed
from ppgen.errors import SettingError

__all__ = ["augmented"]


@checked
def augmented(
    dataset: Dataset,
    copies: int = 8,
    *,
    shift: float = 0.0,
    turn: float = 0.0,
    scale: float = 0.0,
    mirror: bool = False,
    seed: int = 0,
) -> Dataset:
    """Add copies of each training image, each moved a little, drawn once; valid and test split stay as they are.

    A copy is one affine map of the image, uniform in each limit, by cubic interpolation; what lies outside repeats the
    edge. All columns of images in a row move alike, all others are repeated. Whole numbers stay whole, and values
    within the range of their column.

    Reference: P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional neural networks applied to
    visual document analysis", 2003, section 2 (its affine displacements).

    Args:
        dataset: of images [N, C, H, W].
        copies: of each image, beside itself.
        shift: the most that a copy is moved each way, in pixels.
        turn: the most that it is turned either way, in degrees.
        scale: the most that it is scaled: a factor from ``1 / (1 + scale)`` to ``1 + scale``.
        mirror: whether every other copy, at random, has left and right exchanged.
        seed: of the maps.

    Returns:
        The data set, ``1 + copies`` times as many training rows: the images themselves, then a copy of each, and so on.

    Raises:
        SettingError: for data without images, unpaired domains, limits out of range, or copies that would not move.

    Example:
        >>> import ppgen
        >>> augmented(ppgen.data.load("digits"), 3, shift=1.0)
        Dataset 'digits': x [1, 8, 8], image, binary (static bits, seed 0; 3 moved copies to train on of each, seed 0)
          train 4308, valid 360, test 360
          y: categorical, 10 classes
    """
    check_seed(seed)
    refuse_domains(dataset, "augmented")
    whole_number("augmented: copies", copies, suggested=8)
    turn = finite_number("augmented: turn", turn, at_least=0.0, below=180.0, suggested=5.0)
    scale = finite_number("augmented: scale", scale, at_least=0.0, below=1.0, suggested=0.05)
    stored = dataset.splits["train"]
    images = [key for key, values in stored.items() if values.dim() == 4]
    if not images or not (shift or turn or scale or mirror):
        raise SettingError(
            f"{dataset.name}: augmented: " + ("no copy would move" if images else "there are no images to move"),
            expected="a limit above 0" if images else "a column of images [N, channels, height, width]",
            got="shift=0, turn=0, scale=0, mirror=False"
            if images
            else ", ".join(f"{key} {list(values.shape[1:])}" for key, values in stored.items()),
            fix="shift=1.0" if images else "x = x.reshape(-1, channels, height, width)",
            code="S246",
        )
    shortest = float(min(min(stored[key].shape[-2:]) for key in images))
    shift = finite_number("augmented: shift", shift, at_least=0.0, below=shortest, suggested=1.0)
    generator = torch.Generator().manual_seed(seed)
    parts = {key: [values] for key, values in stored.items()}
    for _ in range(copies):
        maps = _maps(len(stored[images[0]]), shift, turn, scale, mirror, generator)
        for key, values in stored.items():
            parts[key].append(_moved(values, maps) if key in images else values)
    told = {"copies": copies, "shift": shift, "turn": turn, "scale": scale, "mirror": mirror, "seed": seed}
    train = {key: torch.cat(each) for key, each in parts.items()}
    more = derived(dataset, "augmented", told, splits={**dataset.splits, "train": train})
    words = f"{copies} moved {'copy' if copies == 1 else 'copies'} to train on of each, seed {seed}"
    return dataclasses.replace(more, protocol=f"{dataset.protocol}; {words}")


def _maps(
    count: int, shift: float, turn: float, scale: float, mirror: bool, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """From a pixel of each copy to one of its image, counted from the centres: matrices [N, 2, 2] and shifts [N, 2]."""

    def within(limit: float, *shape: int) -> Tensor:
        return (2.0 * torch.rand(count, *shape, generator=generator, dtype=torch.float64) - 1.0) * limit

    angle, size = within(math.radians(turn)), within(math.log1p(scale)).exp()
    cos, sin = angle.cos() * size, angle.sin() * size
    side = torch.where(within(1.0) < 0.0, -1.0, 1.0) if mirror else torch.ones_like(size)
    turned = torch.stack([torch.stack([side * cos, -sin], 1), torch.stack([side * sin, cos], 1)], 1)
    return turned, within(shift, 2)


def _moved(images: Tensor, maps: tuple[Tensor, Tensor]) -> Tensor:
    """Images [N, C, H, W] of any type, each by its own map."""
    wide = images if images.is_floating_point() else images.float()
    turned, shifts = (part.to(wide) for part in maps)
    height, width = images.shape[-2:]
    # affine_grid counts in halves of the image, of which a turn knows nothing.
    half = wide.new_tensor([width / 2.0, height / 2.0])
    theta = torch.cat([turned * half / half[:, None], (shifts / half)[:, :, None]], 2)
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    moved = grid_sample(wide, grid, mode="bicubic", padding_mode="border", align_corners=False)
    moved = moved.clamp(wide.min(), wide.max())  # which cubic interpolation may leave
    return (moved.round() if bool((wide == wide.round()).all()) else moved).to(images.dtype)
