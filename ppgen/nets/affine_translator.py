"""A network from images to images that moves them all alike, and corrects what it has moved."""

from __future__ import annotations

__all__ = ["AffineTranslator"]

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.image_shapes import image_shape
from ppgen.nets.layers import over_batch
from ppgen.nets.output_ranges import before_output
from ppgen.nets.residual_translator import ResidualTranslator

_RATE = 3.0  # how much faster than any other weight the one map of all images may move: it hears from every pixel


class AffineTranslator(Recorded):
    """``logit(x(A (p - m) + m)) + r(x)``: one affine map of the plane for all images, and a correction.

    What all images of a domain have beside those of another one, a slant, a turn, a size, is four numbers A here;
    :class:`ResidualTranslator` r corrects the image that A has moved. At the start A is the identity and r all but 0:
    the translation is the image itself. A generator that draws every pixel anew has to find out for each image how far
    it is to be slanted, which a game between domains that nobody paired hardly tells it.

    The plane is mapped about m, the centre of what differs from an image's median, so that what is moved is translated
    as it was before, as by convolutions. Outside the image is what is at its edge.

    Reference: M. Jaderberg et al., "Spatial transformer networks", 2015 (arXiv 1506.02025), equation 1, with one map
    for all images.

    Args:
        x_shape: ``(channels, height, width)`` of the images that it reads.
        out_channels: of the images that it makes, which are as large; where there are more or fewer than are read, each
            starts as their mean.
        width: channels of the correction at full size.
        num_blocks: residual blocks of the correction.
        num_halvings: of the images' size, between which these blocks are.
        output: the activation that follows, whose inverse comes first: ``"sigmoid"``, ``"tanh"``, ``"none"``.

    Shapes:
        ``[*batch, channels, height, width] -> [*batch, out_channels, height, width]``, unbounded values.

    Example:
        >>> network = AffineTranslator((3, 28, 20), 3, width=4)
        >>> x = 0.1 + 0.8 * torch.rand(5, 3, 28, 20)
        >>> torch.allclose(network(x).sigmoid(), x, atol=1e-3)
        True
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        out_channels: int,
        width: int = 32,
        num_blocks: int = 3,
        num_halvings: int = 2,
        output: Literal["sigmoid", "tanh", "none"] = "sigmoid",
    ) -> None:
        super().__init__()
        channels, height, across = image_shape("AffineTranslator", x_shape)
        self.before_output = before_output(output)
        self.plane = nn.Parameter(torch.zeros(2, 2))
        self.is_recoloured = channels != out_channels
        self.down: Tensor
        self.register_buffer("down", _middles(height), persistent=False)
        self.across: Tensor
        self.register_buffer("across", _middles(across), persistent=False)
        self.correction = ResidualTranslator(x_shape, out_channels, width, num_blocks, num_halvings)
        with torch.no_grad():  # all but nothing, which its other layers learn from, as they would not from 0
            for parameter in self.correction.out.parameters():
                parameter.mul_(1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[*batch, out_channels, height, width]`` from images ``[*batch, channels, height, width]``."""
        return over_batch(self._translate, x, event_dim=3)

    def moved(self, x: Tensor) -> Tensor:
        """Images ``[B, channels, height, width]``, each mapped about its own centre."""
        centre, change = self._centres(x.detach()), _RATE * self.plane
        turned = (torch.eye(2).to(x) + change).expand(len(x), 2, 2)
        maps = torch.cat([turned, -(centre @ change.T)[..., None]], dim=-1)
        grid = affine_grid(maps, list(x.shape), align_corners=False)
        return grid_sample(x, grid, padding_mode="border", align_corners=False)

    def _translate(self, x: Tensor) -> Tensor:
        moved = self.moved(x)
        start = self.before_output(moved)
        return (start.mean(1, keepdim=True) if self.is_recoloured else start) + self.correction(moved)

    def _centres(self, x: Tensor) -> Tensor:
        """Across and down, between -1 and 1, [B, 2]; of an image of one colour, the middle."""
        mass = (x - x.flatten(2).median(-1).values[..., None, None]).abs().sum(1)
        moments = torch.stack([mass.sum(1) @ self.across, mass.sum(2) @ self.down], dim=1)
        return moments / mass.sum((1, 2)).clamp_min(torch.finfo(x.dtype).tiny)[:, None]


def _middles(pixels: int) -> Tensor:
    """Where the pixels of a side of length 2 are, [pixels]."""
    return (torch.arange(pixels) + 0.5) * (2 / pixels) - 1
