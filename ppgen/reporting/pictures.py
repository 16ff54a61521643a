"""From a batch of data points to things that can be drawn: picture tiles, or vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppgen.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Limits", "draw_mosaic", "is_picture", "joint_limits", "mosaic", "to_points"]

Array = npt.NDArray[np.float64]
Limits = tuple[float, float]


def to_points(x: Any, name: str = "x") -> Array:
    """Tensor or array ``[N, ...]`` as finite float64 ``[N, C, H, W]`` (pictures) or ``[N, D]`` (vectors).

    ``[N, H, W]`` is a grey picture or a sequence drawn as one, ``[N]`` is one number a data point, and anything with
    other dimensions is flattened to vectors.

    Raises:
        DataError: if there is no data point or a value is not finite.
    """
    if hasattr(x, "detach"):
        x = x.detach().cpu().double().numpy()
    points = np.asarray(x, dtype=np.float64)
    if points.ndim == 0 or points.size == 0:
        raise DataError(f"{name}: nothing to draw", expected="[N, C, H, W] or [N, D], N > 0", got=str(points.shape))
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points)).sum())
        raise DataError(f"{name}: {bad} values are not finite", expected="finite numbers", got="NaN or infinity")
    if points.ndim == 1:
        return points[:, None]
    if points.ndim == 3:
        return points[:, None]
    if points.ndim == 4 and points.shape[1] not in (1, 3):
        # Neither grey nor RGB: the mean over channels keeps the shapes visible.
        return points.mean(axis=1, keepdims=True)
    return points if points.ndim in (2, 4) else points.reshape(len(points), -1)


def is_picture(points: Array) -> bool:
    """Whether :func:`to_points` found pictures."""
    return points.ndim == 4


def joint_limits(arrays: Sequence[Array]) -> Limits:
    """Values shown as black and white: 0 and 1 where the first array (the reference) lies in there, else its range."""
    low, high = float(arrays[0].min()), float(arrays[0].max())
    if is_picture(arrays[0]) and low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    if not is_picture(arrays[0]):
        low, high = min(float(array.min()) for array in arrays), max(float(array.max()) for array in arrays)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def mosaic(points: Array, columns: int, limits: Limits) -> npt.NDArray[np.uint8]:
    """Pictures ``[N, C, H, W]`` as one RGBA image with ``columns`` tiles a row and transparent gaps between them.

    One pixel of data is one pixel of the result, so the file is small and is scaled up without blur. Values outside
    ``limits`` are clipped.

    Example:
        >>> mosaic(np.zeros((3, 1, 8, 8)), columns=2, limits=(0.0, 1.0)).shape
        (17, 17, 4)
    """
    count, channels, height, width = points.shape
    rows = math.ceil(count / columns)
    gap = max(1, round(max(height, width) / 14))
    image = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), dtype=np.uint8)
    scaled = np.clip((points - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    pixels = np.round(scaled * 255.0).astype(np.uint8).transpose(0, 2, 3, 1)
    if channels == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    for index, tile in enumerate(pixels):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        image[top : top + height, left : left + width, :3] = tile
        image[top : top + height, left : left + width, 3] = 255
    return image


def draw_mosaic(axes: Axes, image: npt.NDArray[np.uint8]) -> None:
    """Show a mosaic with square pixels and nothing around it."""
    # interpolation="none" embeds the image at its own size, which SVG viewers scale without blur.
    axes.imshow(image, interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
