"""The gated PixelCNN: one logit per pixel that depends on the pixels before it only."""

from __future__ import annotations

__all__ = ["CachedPixels", "PixelCNN"]

from collections.abc import Sequence
from math import prod
from typing import cast

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.errors import SettingError
from ppgen.nets.causal import GatedLayer, MaskedConv2d


class PixelCNN(Recorded):
    """A causal network over images of one channel: the logit of pixel i reads pixels 0 .. i-1 in raster order.

    A vertical stack carries what lies in the rows above, a horizontal stack what lies to the left; each layer is gated
    and the horizontal stack is residual.

    Reference: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Args:
        x_shape: ``(1, height, width)``.
        hidden: channels of each stack.
        num_layers: gated layers after the first masked convolution.
        kernel_size: of the gated layers; odd.
        first_kernel_size: of the convolution that reads the image; odd.
        context_dim: size of a vector that every pixel is conditioned on (a latent variable, a label); 0 for none.

    Shapes:
        x ``[*batch, 1, height, width]``, context ``[*batch, context_dim]`` -> logits ``[*batch, 1, height, width]``

    Raises:
        SettingError: images of more than one channel, whose channels would need an order of their own.

    Example:
        >>> import torch
        >>> PixelCNN((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 4,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        context_dim: int = 0,
    ) -> None:
        super().__init__()
        if len(x_shape) != 3 or x_shape[0] != 1:
            raise SettingError(
                "PixelCNN: the network orders pixels, not channels",
                expected="x_shape=(1, height, width)",
                got=f"x_shape={tuple(x_shape)}",
                fix="use images of one channel, such as ppgen.data.load('mnist')",
            )
        self.context_dim = context_dim
        self.first_vertical = MaskedConv2d(1, hidden, first_kernel_size, "vertical", "A")
        self.first_horizontal = MaskedConv2d(1, hidden, first_kernel_size, "horizontal", "A")
        self.layers = nn.ModuleList(GatedLayer(hidden, kernel_size, context_dim) for _ in range(num_layers))
        self.head = nn.Sequential(nn.SiLU(), nn.Conv2d(hidden, hidden, 1), nn.SiLU(), nn.Conv2d(hidden, 1, 1))
        # A logit of its own for each pixel: where the ink usually lies need not be learnt by convolutions.
        self.bias = nn.Parameter(torch.zeros(tuple(x_shape)))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The logits ``[*batch, 1, height, width]`` of all pixels at once.

        Args:
            x: ``[*batch, 1, height, width]``, zeros and ones.
            context: ``[*batch, context_dim]``, or None.
        """
        batch = x.shape[:-3]
        size = prod(batch)
        flat = to_signs(x.reshape(size, *x.shape[-3:]))
        if context is not None:
            context = context.expand(*batch, context.shape[-1]).reshape(size, context.shape[-1])
        vertical, horizontal = self.first_vertical(flat), self.first_horizontal(flat)
        for layer in self.layers:
            vertical, horizontal = layer(vertical, horizontal, context)
        return (self.head(horizontal) + self.bias).reshape(x.shape)

    def incremental(self, size: int, context: Tensor | None = None) -> CachedPixels:
        """What ``Autoregressive.sample`` draws from: the same logits pixel by pixel, without computing any twice.

        Args:
            size: how many images are drawn together.
            context: ``[size, context_dim]``, or None.
        """
        return CachedPixels(self, size, context)


class CachedPixels:
    """The state of a PixelCNN that walks through images in raster order.

    A hidden state depends only on pixels before it, so it never changes once those are drawn: the vertical stack is
    computed a row at a time, the horizontal stack a pixel at a time, and a whole image costs about as much as one
    forward pass instead of one pass for each pixel.

    Reference: P. Ramachandran et al., "Fast generation for convolutional autoregressive models", 2017
    (arXiv 1704.06001).

    Args:
        network: the PixelCNN.
        size: how many images are walked through together.
        context: ``[size, context_dim]``, or None.
    """

    def __init__(self, network: PixelCNN, size: int, context: Tensor | None = None) -> None:
        self.network, self.context = network, context
        self.layers = cast("list[GatedLayer]", list(network.layers))
        hidden = network.first_vertical.weight.shape[0]
        height, width = network.bias.shape[-2:]
        new = network.bias.new_zeros
        self.pixels = new(size, 1, height, width)
        self.vertical = [new(size, hidden, height, width) for _ in self.layers]
        self.horizontal = [new(size, hidden, 1, width) for _ in self.layers]
        self.messages: list[Tensor] = []

    def logits(self, row: int, column: int) -> Tensor:
        """The logits ``[size, 1]`` of the next pixel; call it in raster order, with ``put`` after each.

        Args:
            row: of the pixel.
            column: of the pixel.
        """
        if column == 0:
            self._start_row(row)
        state = self.network.first_horizontal.pixel(self.pixels[:, :, row : row + 1], column)
        for layer, states, message in zip(self.layers, self.horizontal, self.messages, strict=True):
            states[..., column : column + 1] = state
            features = layer.horizontal.pixel(states, column)
            state = layer.advance(state, features, message[..., column : column + 1])
        return self.network.head(state)[:, :, 0, 0] + self.network.bias[:, row, column]

    def put(self, row: int, column: int, pixels: Tensor) -> None:
        """Set the drawn values of a pixel.

        Args:
            row: of the pixel.
            column: of the pixel.
            pixels: ``[size, 1]``, 0 or 1.
        """
        self.pixels[:, :, row, column] = to_signs(pixels)

    def _start_row(self, row: int) -> None:
        """One row of the vertical stack, and its messages to the horizontal stack of that row."""
        self.messages = []
        state = self.network.first_vertical.row(self.pixels, row)
        for layer, states in zip(self.layers, self.vertical, strict=True):
            states[:, :, row : row + 1] = state
            state, message = layer.descend(layer.vertical.row(states, row), self.context)
            self.messages.append(message)


def to_signs(x: Tensor) -> Tensor:
    """Pixels 0 and 1 as -1 and 1, ``[...]``, so that a dark pixel differs from the padding beyond the border."""
    return 2.0 * x - 1.0
