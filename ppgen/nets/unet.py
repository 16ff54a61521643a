"""A U-shaped network from images to images, whose two arms are joined at every size."""

from __future__ import annotations

__all__ = ["UNet"]

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.encoders import leaky, stages
from ppgen.nets.image_shapes import image_shape
from ppgen.nets.layers import over_batch


class UNet(Recorded):
    """Strided convolutions down to a small image, transposed ones up again, and a shortcut across at every size.

    What an image looks like in detail need not pass through the middle: each stage of the way up reads the stage of
    the same size on the way down, and the last one the image itself. Stages are normalised over the pixels of each
    channel and image, so that no answer depends on its neighbours in the batch; the first and the innermost are not.

    Reference: O. Ronneberger et al., "U-Net: convolutional networks for biomedical image segmentation", 2015 (arXiv
    1505.04597), as used by P. Isola et al., "Image-to-image translation with conditional adversarial networks", 2017
    (arXiv 1611.07004), section 3.2.1; the shortcut from the image itself is ours.

    Args:
        x_shape: ``(channels, height, width)`` of the images that it reads.
        out_channels: of the images that it makes, which are as large.
        hidden: channels of each halving stage; by default those of ``ImageEncoder``.

    Shapes:
        ``[*batch, channels, height, width] -> [*batch, out_channels, height, width]``, unbounded values.

    Example:
        >>> UNet((1, 28, 20), 3)(torch.zeros(5, 1, 28, 20)).shape
        torch.Size([5, 3, 28, 20])
    """

    @checked
    def __init__(self, x_shape: Sequence[int], out_channels: int, hidden: Sequence[int] | None = None) -> None:
        super().__init__()
        _, widths = stages(image_shape("UNet", x_shape), hidden)
        self.down = nn.ModuleList(
            _Down(before, after, is_first=i == 0, is_last=i == len(widths) - 2)
            for i, (before, after) in enumerate(pairwise(widths))
        )
        inner = widths[:0:-1]  # innermost first; what comes up is joined by what went down
        arriving = [inner[0], *(2 * width for width in inner[1:])]
        leaving = [*inner[1:], widths[1]]
        self.up = nn.ModuleList(_Up(before, after) for before, after in zip(arriving, leaving, strict=True))
        self.out = nn.Conv2d(widths[1] + widths[0], out_channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[*batch, out_channels, height, width]`` from images ``[*batch, channels, height, width]``."""
        return over_batch(self._translate, x, event_dim=3)

    def _translate(self, x: Tensor) -> Tensor:
        passed = [x]
        for down in self.down:
            passed.append(down(passed[-1]))
        h = passed.pop()
        for up in self.up:
            beside = passed.pop()
            h = torch.cat([up(h)[..., : beside.shape[-2], : beside.shape[-1]], beside], dim=1)
        return self.out(h)


class _Down(nn.Sequential):
    """Half the size; a bias is left out where a mean is taken off."""

    def __init__(self, before: int, after: int, *, is_first: bool, is_last: bool) -> None:
        plain = is_first or is_last
        convolution = nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1, bias=plain)
        norms = [] if plain else [nn.InstanceNorm2d(after)]
        super().__init__(*([] if is_first else [leaky()]), convolution, *norms)


class _Up(nn.Sequential):
    """Twice the size."""

    def __init__(self, before: int, after: int) -> None:
        grown = nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=False)
        super().__init__(nn.ReLU(), grown, nn.InstanceNorm2d(after))
