"""How steep an image is at each pixel, whatever its colour."""

from __future__ import annotations

__all__ = ["steepness"]

from torch import Tensor
from torch.nn.functional import pad


def steepness(images: Tensor) -> Tensor:
    """Sobel's gradient squared, of the brightest channel at each pixel; beyond the border all is dark.

    Args:
        images: integers, which give integers, or floats, [N, C, H, W].

    Returns:
        [N, 1, H, W].

    Example:
        >>> import torch
        >>> steepness(torch.tensor([[[[0, 0, 1], [0, 0, 1], [0, 0, 1]]]]))[0, 0, 1].tolist()
        [0, 16, 0]
    """
    brightest = pad(images.amax(1, keepdim=True), (1, 1, 1, 1))
    down = brightest[..., :-2, :] + 2 * brightest[..., 1:-1, :] + brightest[..., 2:, :]
    right = brightest[..., :-2] + 2 * brightest[..., 1:-1] + brightest[..., 2:]
    across, along = down[..., 2:] - down[..., :-2], right[..., 2:, :] - right[..., :-2, :]
    return across**2 + along**2
