"""The shape of an image, and images of one size."""

from __future__ import annotations

__all__ = ["image_shape", "one_size"]

from collections.abc import Sequence

from ppgen.errors import SettingError


def image_shape(owner: str, x_shape: Sequence[int]) -> tuple[int, int, int]:
    """Channels, height and width.

    Args:
        owner: the network, for the message.
        x_shape: as it was given.

    Raises:
        SettingError: for a shape that is no image's.

    Example:
        >>> image_shape("UNet", [3, 28, 20])
        (3, 28, 20)
    """
    if len(tuple(x_shape)) != 3:
        raise SettingError(
            f"{owner}: only images have channels, height and width",
            expected="x_shape=(channels, height, width)",
            got=str(list(x_shape)),
            fix="x = x.reshape(-1, channels, height, width)",
            code="S211",
        )
    channels, height, width = x_shape
    return channels, height, width


def one_size(owner: str, *shapes: Sequence[int]) -> None:
    """Refuse images that differ in height or width: each pixel of a translation stands for one.

    Args:
        owner: the model, for the message.
        *shapes: ``(channels, height, width)`` each.

    Raises:
        SettingError: with the shapes.
    """
    if len({image_shape(owner, shape)[1:] for shape in shapes}) > 1:
        raise SettingError(
            f"{owner}: the images of both sides have to be of one height and width",
            expected="(channels, height, width), equal but for the channels",
            got=" and ".join(str(tuple(shape)) for shape in shapes),
            fix="load both with the same resize=28: ppgen.data.load(..., resize=28)",
            code="S212",
        )
