"""Mosaics: many small pictures as one, a pixel of data a pixel of it, with gaps between the tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgen.reporting.style import LINE, Axes

__all__ = ["Array", "Limits", "draw_mosaic", "label_rows", "mosaic", "tile_boxes", "tile_gap"]

Array = npt.NDArray[np.float64]
Limits = tuple[float, float]


def mosaic(points: Array, columns: int, limits: Limits) -> npt.NDArray[np.uint8]:
    """Pictures ``[N, C, H, W]`` as one RGBA image with ``columns`` tiles a row and transparent gaps between them.

    One pixel of data is one pixel of the result, so the file is small and is scaled up without blur. Values outside
    ``limits`` are clipped.

    Args:
        points: [N, C, H, W].
        columns: tiles a row.
        limits: values drawn as black and white.

    Example:
        >>> mosaic(np.zeros((3, 1, 8, 8)), columns=2, limits=(0.0, 1.0)).shape
        (17, 17, 4)
    """
    count, channels, height, width = points.shape
    rows = math.ceil(count / columns)
    gap = tile_gap(points)
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


def tile_gap(points: Array) -> int:
    """The pixels between the tiles of a mosaic of these pictures."""
    return max(1, round(max(points.shape[2:]) / 14))


def tile_boxes(image: npt.NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each tile of a mosaic, in pixels.

    Example:
        >>> tile_boxes(mosaic(np.zeros((3, 1, 8, 8)), columns=2, limits=(0.0, 1.0)))
        [(0, 0, 8, 8), (9, 0, 8, 8), (0, 9, 8, 8)]
    """
    opaque = image[..., 3] > 0
    down, across = _runs(np.any(opaque, axis=1)), _runs(np.any(opaque, axis=0))
    return [(x, y, width, height) for y, height in down for x, width in across if opaque[y, x]]


def _runs(marked: Any) -> list[tuple[int, int]]:
    """Start and length of each unbroken run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return [(int(start), int(end - start)) for start, end in edges.reshape(-1, 2)]


def draw_mosaic(axes: Axes, image: npt.NDArray[np.uint8]) -> None:
    """Show a mosaic with square pixels and nothing around it.

    Args:
        axes: to draw in.
        image: RGBA, [H, W, 4].
    """
    from matplotlib.collections import PolyCollection

    # interpolation="none" embeds the image at its own size, which SVG viewers scale without blur.
    axes.imshow(image, interpolation="none")
    # A hairline around each tile, lest a dark one vanish on dark paper.
    corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in tile_boxes(image)]
    outlines = np.asarray(corners, dtype=np.float64) - 0.5
    axes.add_collection(PolyCollection(list(outlines), facecolors="none", edgecolors=LINE, linewidths=0.5))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def label_rows(axes: Axes, labels: Sequence[str], points: Array) -> None:
    """Write names beside the rows of a mosaic.

    Args:
        axes: with the mosaic.
        labels: from the top.
        points: some of its pictures, [N, C, H, W].
    """
    height = points.shape[2]
    step = height + tile_gap(points)
    axes.set_yticks([row * step + (height - 1) / 2 for row in range(len(labels))], list(labels))
    axes.tick_params(axis="y", length=0)
