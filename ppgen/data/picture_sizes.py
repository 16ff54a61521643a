"""Pictures of one size: cut in the centre, scaled without distortion, of files that differ and of arrays alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ppgen.arguments import whole_number
from ppgen.errors import SettingError

__all__ = ["LARGEST_BY_ITSELF", "channels_first", "common_size", "fitted_picture", "resize_splits"]

LARGEST_BY_ITSELF = 64  # pixels each way, where nobody says how large pictures of different sizes are to become
_CHANNELS = (1, 3, 4)


def common_size(sizes: Sequence[tuple[int, int]]) -> int | None:
    """The side of the square that pictures of different sizes become; ``None`` where they have one size.

    It is the shortest side among them, so that nothing is enlarged, and 64 at most.

    Args:
        sizes: width and height of each.

    Example:
        >>> common_size([(40, 30), (20, 50)]), common_size([(40, 30), (40, 30)])
        (20, None)
    """
    return None if len(set(sizes)) <= 1 else min(LARGEST_BY_ITSELF, *map(min, sizes))


def fitted_picture(picture: Any, crop: int | None, resize: int | None) -> Any:
    """A picture of PIL with its central ``crop`` pixels each way, scaled to cover ``resize`` pixels each way.

    Args:
        picture: of PIL.
        crop: a side, or ``None`` for the whole picture.
        resize: a side, or ``None`` for the size that it has; what stands over is cut off on both sides alike.
    """
    from PIL import ImageOps

    if crop is not None:
        left, top = (picture.width - crop) // 2, (picture.height - crop) // 2
        picture = picture.crop((left, top, left + crop, top + crop))
    return picture if resize is None else ImageOps.fit(picture, (resize, resize))


def channels_first(images: Tensor) -> Tensor:
    """Images ``[N, C, H, W]`` from ``[N, H, W]``, ``[N, H, W, C]`` or ``[N, C, H, W]``; what is no image stays.

    Transparency, a fourth channel, is dropped. Where both ends could be channels, the first of them is.

    Args:
        images: of any type, [N, ...].

    Example:
        >>> channels_first(torch.zeros(5, 28, 20)).shape, channels_first(torch.zeros(5, 28, 20, 3)).shape
        (torch.Size([5, 1, 28, 20]), torch.Size([5, 3, 28, 20]))
    """
    if images.dim() == 3:
        return images.unsqueeze(1)
    if images.dim() == 4:
        if images.shape[1] not in _CHANNELS and images.shape[3] in _CHANNELS:
            images = images.permute(0, 3, 1, 2).contiguous()
        return images[:, :3].contiguous() if images.shape[1] == 4 else images
    return images


def resize_splits(
    splits: Mapping[str, Mapping[str, Tensor]], key: str, crop: int | None, resize: int | None, *, name: str
) -> dict[str, dict[str, Tensor]]:
    """Splits whose images have another size, cut and scaled as :func:`fitted_picture` does.

    Args:
        splits: columns [N, ...] by split.
        key: of the images, in one of the layouts that :func:`channels_first` takes.
        crop: a side, or ``None``.
        resize: a side, or ``None``.
        name: of the data set, for error texts.

    Raises:
        SettingError: for data that are no images, bits, or images that are smaller than the cut.
    """
    return {split: {**columns, key: _resized(columns[key], crop, resize, name)} for split, columns in splits.items()}


def _resized(images: Tensor, crop: int | None, resize: int | None, name: str) -> Tensor:
    given = list(images.shape)
    images = channels_first(images)
    if images.dim() != 4:
        raise SettingError(
            f"{name}: only images can be resized",
            expected="[N, H, W], [N, H, W, C] or [N, C, H, W]",
            got=str(given),
            fix="leave resize and crop out",
            code="S168",
        )
    if crop is not None:
        crop = whole_number(f"{name}: crop", crop, at_most=min(images.shape[2:]))
        top, left = ((side - crop) // 2 for side in images.shape[2:])
        images = images[:, :, top : top + crop, left : left + crop].contiguous()
    if resize is None:
        return images
    resize = whole_number(f"{name}: resize", resize)
    scale = resize / min(images.shape[2:])
    larger = [max(resize, round(side * scale)) for side in images.shape[2:]]
    pieces = [interpolate(part.float(), larger, mode="bilinear", antialias=True) for part in images.split(4096)]
    top, left = ((side - resize) // 2 for side in larger)
    scaled = torch.cat(pieces)[:, :, top : top + resize, left : left + resize].contiguous()
    return scaled.to(images.dtype) if images.is_floating_point() else scaled.round().clamp(0, 255).to(images.dtype)
