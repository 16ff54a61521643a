"""The image transformer: each pixel attends to pixels before it, to all or to those in a neighbourhood."""

from __future__ import annotations

__all__ = ["ImageTransformer", "ImageTransformerState"]

import dataclasses
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ppgen.checked import checked
from ppgen.nets.attention import AttentionPattern, BlockAttention, FullAttention, Grid, along_lines, around_blocks
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.transformer import CausalTransformer, TransformerState

_NEIGHBOURHOODS = {"local-1d": along_lines, "local-2d": around_blocks}


@dataclasses.dataclass
class ImageTransformerState:
    """What an image transformer remembers on its way through images.

    Args:
        layers: keys and values.
        places: what each pixel adds for its place, ``[num_pixels, hidden]``.
    """

    layers: TransformerState
    places: Tensor


class ImageTransformer(CausalImageNetwork):
    """A causal network over images: the parameters of pixel i read pixels 0 .. i-1 in raster order, all channels.

    Pixel i holds what pixel i-1 is and where i lies, by its row and its column, each of which begins as sines and
    cosines and is learned from there; in every layer it attends to itself and to pixels before it, with several heads:

    - ``attention="local-1d"``: blocks of pixels in raster order; memory is the block itself and the block before;
    - ``attention="local-2d"``: rectangles; memory is the rectangle and what lies around it, as many rows further up as
      it has itself, and half of its width to either side;
    - ``attention="global"``: all pixels before.

    In the paper 2-D blocks are also drawn block by block. Here pixels are drawn in raster order whatever the blocks
    are, and the mask keeps to that order: a pixel attends to those of its memory that come before it on the page.

    A pixel's keys and values never change once they are there: ``step`` keeps those that are still looked at, and
    computes one pixel.

    Reference: N. Parmar et al., "Image transformer", 2018 (arXiv 1802.05751).

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        hidden: width of the layers, a multiple of ``num_heads``.
        num_layers: of attention, each with a perceptron.
        num_heads: of each layer.
        attention: ``"local-1d"``, ``"local-2d"`` or ``"global"``.
        block: ``(height, width)`` of a query block, cut to the image; in 1-D, a block has as many pixels.
        context_dim: size of a vector that every layer is conditioned on (a latent variable, a label); 0 for none.
        num_parameters: of each pixel.
        highest: the largest value of a pixel, above 0; values from 0 to it are read as -1 to 1.

    Shapes:
        x ``[*batch, channels, height, width]``, context ``[*batch, context_dim]`` ->
        parameters ``[*batch, num_parameters, height, width]``

    Raises:
        SettingError: a shape that is no image's; numbers out of range; a width that the heads do not divide; when
            called, images of another size, or a context that is missing, too much or of another size.

    Example:
        >>> import torch
        >>> ImageTransformer((1, 8, 8), attention="local-2d", block=(2, 4))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 64,
        num_layers: int = 4,
        num_heads: int = 4,
        attention: Literal["local-1d", "local-2d", "global"] = "local-2d",
        block: tuple[int, int] = (4, 14),
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float = 1.0,
    ) -> None:
        super().__init__(x_shape, context_dim, num_parameters, highest)
        _, height, width = x_shape
        self.pixel = nn.Linear(self.channels, hidden)
        half = hidden // 2
        self.row = nn.Parameter(pad(_waves(height, half), (0, hidden - half)).unsqueeze(1))
        self.column = nn.Parameter(pad(_waves(width, hidden - half), (half, 0)))
        pattern = _pattern((height, width), attention, (min(block[0], height), min(block[1], width)))
        self.transformer = CausalTransformer(pattern, hidden, num_layers, num_heads, context_dim)
        self.head = nn.Linear(hidden, num_parameters)

    def _of_pixels(self, x: Tensor, context: Tensor | None) -> Tensor:
        before = pad(x.flatten(2).mT[:, :-1], (0, 0, 1, 0))  # [size, num_pixels, channels], moved on by one
        features = self.transformer(self.pixel(before) + self._places(), context)
        return self.head(features).mT.unflatten(-1, self.bias.shape[1:])

    def start(self, size: int, context: Tensor | None = None) -> ImageTransformerState:
        """The state before the first pixel.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit((self.channels, *self.bias.shape[1:]), context)
        return ImageTransformerState(self.transformer.start(size, context), self._places())

    def step(
        self, state: ImageTransformerState, previous: Tensor, position: int
    ) -> tuple[Tensor, ImageTransformerState]:
        """The parameters ``[size, num_parameters]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the pixel before this one; not read at position 0.
            position: of the pixel, in raster order.
        """
        before = self._signed(previous) if position > 0 else torch.zeros_like(previous)
        features = self.transformer.step(state.layers, self.pixel(before) + state.places[position], position)
        return self.head(features) + self.bias.flatten(1)[:, position], state

    def _places(self) -> Tensor:
        """What each pixel adds for its row and column, ``[num_pixels, hidden]``."""
        return (self.row + self.column).flatten(0, 1)


def _waves(length: int, features: int) -> Tensor:
    """Sines and cosines of a coordinate, ``[length, features]``; the longest wave takes ``2 pi`` times its length.

    Products of two coordinates depend on their distance alone, so that what lies a step away is found from anywhere.
    """
    waves = -(-features // 2)
    angles = torch.arange(length).unsqueeze(1) * length ** (-torch.arange(waves) / max(1, waves - 1))
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :features]


def _pattern(grid: Grid, attention: str, block: Grid) -> AttentionPattern:
    if attention == "global":
        return FullAttention(grid[0] * grid[1])
    return BlockAttention(_NEIGHBOURHOODS[attention](grid, block))
