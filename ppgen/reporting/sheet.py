"""Sheets: many small pictures as one PNG in the page, which a script cuts up and a screen scales without blur."""

from __future__ import annotations

import base64
import dataclasses
import io
import math

import numpy as np
import numpy.typing as npt

from ppgen.reporting.mosaic import Array, Limits, mosaic, tile_boxes

__all__ = ["Sheet", "Tiles", "make_sheet", "make_tiles"]


@dataclasses.dataclass(frozen=True)
class Sheet:
    """Tiles in one picture, row by row, without gaps.

    Args:
        address: the PNG as a ``data:`` address.
        count: how many tiles.
        columns: of them a row.
        height: of one, in pixels.
        width: likewise.
    """

    address: str
    count: int
    columns: int
    height: int
    width: int

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return math.ceil(self.count / self.columns)


def make_sheet(points: Array, limits: Limits, columns: int | None = None) -> Sheet:
    """Lay out pictures in one PNG of 8 bits a channel.

    Args:
        points: [N, C, H, W] with one channel or three.
        limits: the values that become black and white; what lies outside is clipped.
        columns: tiles a row; default: as many as make a square.

    Example:
        >>> sheet = make_sheet(np.zeros((5, 1, 8, 8)), (0.0, 1.0))
        >>> sheet.columns, sheet.rows, sheet.address[:22]
        (3, 2, 'data:image/png;base64,')
    """
    count, channels, height, width = points.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    scaled = np.clip((points - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    pixels = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    pixels[:count] = np.round(scaled * 255.0).astype(np.uint8).transpose(0, 2, 3, 1)
    whole = pixels.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    flat = whole.reshape(rows * height, columns * width, channels)
    return Sheet(_address(flat[..., 0] if channels == 1 else flat), count, columns, height, width)


@dataclasses.dataclass(frozen=True)
class Tiles:
    """Pictures with gaps between them, as one picture.

    Args:
        address: the PNG as a ``data:`` address.
        width: of the whole, in pixels.
        height: likewise.
        outlines: of the tiles, as the path of an SVG.
    """

    address: str
    width: int
    height: int
    outlines: str


def make_tiles(points: Array, limits: Limits, columns: int) -> Tiles:
    """The mosaic of some pictures, for a page.

    Args:
        points: [N, C, H, W] with one channel or three.
        limits: the values that become black and white.
        columns: tiles a row.
    """
    image = mosaic(points, columns, limits)
    boxes = tile_boxes(image)
    path = "".join(f"M{x} {y}h{width}v{height}h{-width}z" for x, y, width, height in boxes)
    return Tiles(_address(image), image.shape[1], image.shape[0], path)


def _address(pixels: npt.NDArray[np.uint8]) -> str:
    """A picture as an address that holds it."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
