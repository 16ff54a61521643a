"""A network from images to images that works at a fraction of their size, in residual blocks."""

from __future__ import annotations

__all__ = ["ResidualTranslator"]

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.image_shapes import image_shape
from ppgen.nets.layers import over_batch


class ResidualTranslator(Recorded):
    """Halvings, residual blocks, as many doublings; every layer but the last normalised by image and channel.

    ``h' = h + norm(conv(relu(norm(conv(h)))))``. Sizes are doubled by repeating pixels before a convolution, so that no
    chequered pattern is left, and are cut to what the way down saw: 7 -> 14 -> 28.

    Reference: J. Johnson et al., "Perceptual losses for real-time style transfer and super-resolution", 2016 (arXiv
    1603.08155), as used by J.-Y. Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial
    networks", 2017 (arXiv 1703.10593), appendix 7.2.

    Args:
        x_shape: ``(channels, height, width)`` of the images that it reads.
        out_channels: of the images that it makes, which are as large.
        width: channels at full size; a halving doubles them.
        num_blocks: residual blocks in the middle.
        num_halvings: two, as in the paper, whose images have 256 pixels a side; strokes of a pixel or two are kept
            better at half of the size than at a quarter, and with half as many channels it takes no longer.

    Shapes:
        ``[*batch, channels, height, width] -> [*batch, out_channels, height, width]``, unbounded values.

    Example:
        >>> import torch
        >>> ResidualTranslator((1, 28, 20), 3, width=4)(torch.zeros(5, 1, 28, 20)).shape
        torch.Size([5, 3, 28, 20])
    """

    @checked
    def __init__(
        self, x_shape: Sequence[int], out_channels: int, width: int = 32, num_blocks: int = 3, num_halvings: int = 2
    ) -> None:
        super().__init__()
        channels, _, _ = image_shape("ResidualTranslator", x_shape)
        widths = [width * 2**stage for stage in range(num_halvings + 1)]
        self.first = _layer(channels, width, size=7)
        self.down = nn.ModuleList(_layer(before, after, stride=2) for before, after in pairwise(widths))
        self.blocks = nn.Sequential(*(_Block(widths[-1]) for _ in range(num_blocks)))
        self.up = nn.ModuleList(_layer(before, after) for before, after in pairwise(reversed(widths)))
        self.out = nn.Conv2d(width, out_channels, kernel_size=7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[*batch, out_channels, height, width]`` from images ``[*batch, channels, height, width]``."""
        return over_batch(self._translate, x, event_dim=3)

    def _translate(self, x: Tensor) -> Tensor:
        h, sizes = self.first(x), []
        for down in self.down:
            sizes.append(h.shape[-2:])
            h = down(h)
        h = self.blocks(h)
        for up in self.up:
            height, width = sizes.pop()
            h = up(interpolate(h, scale_factor=2.0, mode="nearest")[..., :height, :width])
        return self.out(h)


def _layer(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)  # whose mean is taken off
    return nn.Sequential(convolution, nn.InstanceNorm2d(after), nn.ReLU())


class _Block(nn.Module):
    """A correction of two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        second = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.correction = nn.Sequential(_layer(width, width), second, nn.InstanceNorm2d(width))

    def forward(self, h: Tensor) -> Tensor:
        return h + self.correction(h)
