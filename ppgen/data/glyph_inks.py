"""Inks for glyphs, and what of a coloured image is given to a model that is to paint the rest."""

from __future__ import annotations

import torch
from torch import Tensor

from ppgen.data.glyph_captions import COLOURS
from ppgen.data.sobel import steepness

__all__ = ["edges", "grey", "inks", "painted"]


def inks(num: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Colours of some images: near one of eight hues, saturated and bright.

    Args:
        num: of images.
        generator: on the CPU.

    Returns:
        ``colour`` int64 [num], number in ``COLOURS``; and ``ink`` float32 [num, 3], red, green and blue in [0, 1].
    """
    colour = torch.randint(len(COLOURS), (num,), generator=generator)
    shift, saturation, value = torch.rand(3, num, generator=generator)
    hue = torch.tensor(list(COLOURS.values()))[colour] + 12 * (shift - 0.5)
    saturation, value = 0.65 + 0.25 * saturation, 0.85 + 0.15 * value
    # Smith (1978), Color Gamut Transform Pairs: the hexagon of hues, a sixth of it for each half of a channel's rise.
    place = (torch.tensor([5.0, 3.0, 1.0]) + hue[:, None] / 60) % 6
    less = torch.minimum(place, 4 - place).clamp(0, 1)
    return {"colour": colour, "ink": value[:, None] * (1 - saturation[:, None] * less)}


def painted(images: Tensor, ink: Tensor | None = None) -> Tensor:
    """White images in colour, on black.

    Args:
        images: uint8 [N, 1, H, W].
        ink: red, green and blue in [0, 1], [N, 3]; white where it is not given.

    Returns:
        uint8 [N, 3, H, W].
    """
    if ink is None:
        return images.expand(-1, 3, -1, -1)
    return (images * ink[:, :, None, None]).round().to(torch.uint8)


def grey(images: Tensor) -> Tensor:
    """The luminance of colours: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).

    Args:
        images: uint8 [N, 3, H, W].

    Returns:
        uint8 [N, 1, H, W].
    """
    return (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True).round().to(torch.uint8)


def edges(images: Tensor) -> Tensor:
    """Where an image changes, whatever its colour: Sobel's gradient squared, the steepest in the image white.

    Args:
        images: uint8 [N, 3, H, W].

    Returns:
        uint8 [N, 1, H, W].
    """
    steep = steepness(images.int())
    return (255.0 * steep / steep.amax((1, 2, 3), keepdim=True).clamp(min=1)).round().to(torch.uint8)
