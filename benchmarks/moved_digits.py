"""A classifier of digits that saw each of them turned, stretched, sheared and shifted a little at every step.

It is a judge of drawn or translated digits: one that knew only the few thousand images of a small set, as they stand,
would call a change of slope or of size a change of class.
"""

from __future__ import annotations

import math

import torch
from conditional_gan import trained
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["moved", "moved_classifier"]


def moved(x: Tensor) -> Tensor:
    """Each image by an affine map of its own: up to 15 degrees, 15 % of its size, a fifth of shear, 6 % of its width.

    Args:
        x: images, [N, channels, height, width].
    """
    count = len(x)

    def within(limit: float, *shape: int) -> Tensor:
        return (2 * torch.rand(count, *shape) - 1) * limit

    angle, size = within(math.radians(15)), within(0.15, 2).exp()
    cos, sin = angle.cos(), angle.sin()
    turned = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    nothing = torch.zeros(count)
    stretched = torch.stack([torch.stack([size[:, 0], within(0.2)], 1), torch.stack([nothing, size[:, 1]], 1)], 1)
    maps = torch.cat([turned @ stretched, within(0.12, 2)[:, :, None]], 2)
    grid = functional.affine_grid(maps, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def moved_classifier(x: Tensor, y: Tensor, *, seed: int = 0, epochs: float = 15.0) -> nn.Module:
    """Scores of ten classes from images, [N, 10].

    Args:
        x: images, [N, channels, height, width], both sides divisible by four.
        y: their classes, [N].
        seed: of weights, order and moves.
        epochs: over the images.
    """
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, width in ((x.shape[1], 32), (32, 64)):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    seen = 64 * (x.shape[2] // 4) * (x.shape[3] // 4)
    network = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(seen, 128), nn.ReLU(), nn.Linear(128, 10))
    return trained(network, len(x), epochs, lambda rows: functional.cross_entropy(network(moved(x[rows])), y[rows]))
