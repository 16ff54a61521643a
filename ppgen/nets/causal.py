"""Causal convolutions: layers that see only what comes earlier in raster order."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.errors import SettingError

__all__ = ["GatedLayer", "MaskedConv2d"]


class MaskedConv2d(Recorded):
    """A convolution of one of the two causal stacks of a PixelCNN, with as many pixels out as in.

    ``y[i, j] = b + sum over (a, c) of (W * mask)[a, c] x[i + a, j + c]``, where the mask keeps

    - ``stack="vertical"``: the rows above the pixel, in full width, and with kind B the pixel's own row as well;
    - ``stack="horizontal"``: the pixels to the left in the same row, and with kind B the pixel itself.

    Kind A reads the image, where a pixel must not see itself; kind B reads features that kind A has made already.
    Because rows above are seen in full width, two stacks together have no blind spot; one raster-order mask has.

    The mask multiplies the weight each time and is never written into it: weights that are masked in place are masked
    again after every optimizer step, or silently not at all.

    Reference: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: odd; height and width of a vertical kernel, width of a horizontal one.
        stack: ``"vertical"`` or ``"horizontal"``.
        kind: ``"A"`` or ``"B"``.

    Raises:
        SettingError: an even kernel size.

    Shapes:
        ``[N, in_channels, H, W] -> [N, out_channels, H, W]``

    Example:
        >>> MaskedConv2d(1, 1, 3, "vertical", "A").mask.int().tolist()
        [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
        >>> MaskedConv2d(1, 1, 3, "horizontal", "B").mask.int().tolist()
        [[1, 1, 0]]
    """

    mask: Tensor

    @checked
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stack: Literal["vertical", "horizontal"],
        kind: Literal["A", "B"],
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise SettingError(
                "MaskedConv2d: the kernel has no centre",
                expected="an odd kernel_size",
                got=f"{kernel_size}",
                fix=f"kernel_size={kernel_size + 1}",
                code="S079",
            )
        self.reach = kernel_size // 2
        height = kernel_size if stack == "vertical" else 1
        convolution = nn.Conv2d(in_channels, out_channels, (height, kernel_size))
        self.weight, self.bias = convolution.weight, convolution.bias
        self.padding = (height // 2, self.reach)
        mask = torch.zeros(height, kernel_size)
        seen = self.reach + (1 if kind == "B" else 0)
        if stack == "vertical":
            mask[:seen] = 1.0
        else:
            mask[:, :seen] = 1.0
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        """The output ``[N, out_channels, H, W]`` for all pixels at once."""
        return functional.conv2d(x, self.masked_weight(), self.bias, padding=self.padding)

    def masked_weight(self) -> Tensor:
        """``W * mask``, ``[out_channels, in_channels, height, kernel_size]``: for ``row`` and ``pixel``."""
        return self.weight * self.mask

    def row(self, x: Tensor, row: int, weight: Tensor) -> Tensor:
        """One row ``[N, out_channels, 1, W]`` of a vertical stack's output.

        Args:
            x: ``[N, in_channels, H, W]``.
            row: which row; rows of ``x`` below it are not read.
            weight: ``masked_weight()``, which stays the same from row to row.
        """
        first = max(row - self.reach, 0)
        weight = weight[:, :, self.reach - (row - first) : self.reach + 1]
        return functional.conv2d(x[:, :, first : row + 1], weight, self.bias, padding=(0, self.reach))

    def pixel(self, x: Tensor, column: int, weight: Tensor) -> Tensor:
        """One pixel ``[N, out_channels, 1, 1]`` of a horizontal stack's output.

        Args:
            x: ``[N, in_channels, 1, W]``, one row of images.
            column: which pixel; columns of ``x`` behind it are not read.
            weight: ``masked_weight()``, which stays the same from pixel to pixel.
        """
        first = max(column - self.reach, 0)
        weight = weight[:, :, :, self.reach - (column - first) : self.reach + 1]
        return functional.conv2d(x[..., first : column + 1], weight, self.bias)


class GatedLayer(Recorded):
    """One layer of both stacks.

    ``v' = gate(conv_v(v)),  h' = h + mix(gate(conv_h(h) + down(conv_v(v))))``, with a linear map of the context added
    inside each gate, and ``gate(a, b) = tanh(a) sigmoid(b)``.

    Args:
        hidden: channels of each stack.
        kernel_size: of both masked convolutions; odd.
        context_dim: size of the context; 0 for none.
    """

    @checked
    def __init__(self, hidden: int, kernel_size: int, context_dim: int = 0) -> None:
        super().__init__()
        self.vertical = MaskedConv2d(hidden, 2 * hidden, kernel_size, "vertical", "B")
        self.horizontal = MaskedConv2d(hidden, 2 * hidden, kernel_size, "horizontal", "B")
        self.down = nn.Conv2d(2 * hidden, 2 * hidden, 1)
        self.mix = nn.Conv2d(hidden, hidden, 1)
        self.context = nn.Linear(context_dim, 4 * hidden, bias=False) if context_dim else None

    def forward(self, vertical: Tensor, horizontal: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Both stacks one layer on.

        Args:
            vertical: ``[N, hidden, H, W]``.
            horizontal: ``[N, hidden, H, W]``.
            context: ``[N, context_dim]``, or None.
        """
        vertical, message = self.descend(self.vertical(vertical), context)
        return vertical, self.advance(horizontal, self.horizontal(horizontal), message)

    def descend(self, features: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """The next vertical stack, and the message to the horizontal one.

        Args:
            features: ``[N, 2 * hidden, H, W]``, from the vertical convolution.
            context: ``[N, context_dim]``, or None.
        """
        message = self.down(features)
        if self.context is not None and context is not None:
            for_vertical, for_horizontal = self.context(context)[..., None, None].chunk(2, dim=1)
            features, message = features + for_vertical, message + for_horizontal
        return gate(features), message

    def advance(self, horizontal: Tensor, features: Tensor, message: Tensor) -> Tensor:
        """The next horizontal stack.

        Args:
            horizontal: ``[N, hidden, H, W]``, the stack.
            features: ``[N, 2 * hidden, H, W]``, from its convolution.
            message: ``[N, 2 * hidden, H, W]``, from the vertical stack.
        """
        return horizontal + self.mix(gate(features + message))


def gate(features: Tensor) -> Tensor:
    """``tanh(a) sigmoid(b)`` of the two halves of the channels, ``[N, 2 * hidden, ...] -> [N, hidden, ...]``."""
    value, opening = features.chunk(2, dim=1)
    return value.tanh() * opening.sigmoid()
