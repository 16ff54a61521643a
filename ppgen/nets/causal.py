"""Causal convolutions: layers that see only what comes earlier in raster order."""

from __future__ import annotations

import dataclasses
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.errors import SettingError
from ppgen.nets.causal_steps import Band, Head, Line, matrix

__all__ = ["GatedLayer", "GatedSteps", "MaskedConv2d", "TwoStacks"]


class MaskedConv2d(Recorded):
    """A convolution of a causal stack of a PixelCNN, with as many pixels out as in.

    ``y[i, j] = b + sum over (a, c) of (W * mask)[a, c] x[i + a, j + c]``, where the mask keeps

    - ``stack="vertical"``: the rows above the pixel, in full width, and with kind B the pixel's own row as well;
    - ``stack="horizontal"``: the pixels to the left in the same row, and with kind B the pixel itself;
    - ``stack="raster"``: the rows above and the pixels to the left, and with kind B the pixel itself.

    Kind A reads the image, where a pixel must not see itself; kind B reads features that kind A has made already.
    Because rows above are seen in full width, the first two together have no blind spot; the third alone has one.

    The mask multiplies the weight each time and is never written into it: weights that are masked in place are masked
    again after every optimizer step, or silently not at all.

    References: A. van den Oord et al., "Pixel recurrent neural networks", 2016 (arXiv 1601.06759); the two stacks:
    A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: odd; the width of a kernel, and but for a horizontal one its height.
        stack: ``"vertical"``, ``"horizontal"`` or ``"raster"``.
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
        >>> MaskedConv2d(1, 1, 3, "raster", "A").mask.int().tolist()
        [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    """

    mask: Tensor

    @checked
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stack: Literal["vertical", "horizontal", "raster"],
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
        height = 1 if stack == "horizontal" else kernel_size
        convolution = nn.Conv2d(in_channels, out_channels, (height, kernel_size))
        self.weight, self.bias = convolution.weight, cast("nn.Parameter", convolution.bias)
        self.centre = height // 2
        seen = self.reach + (1 if kind == "B" else 0)
        # Rows that are read in full width, and pixels of the row in the middle.
        self.rows, self.taps = {"vertical": (seen, 0), "horizontal": (0, seen), "raster": (self.reach, seen)}[stack]
        mask = torch.zeros(height, kernel_size)
        mask[: self.rows] = 1.0
        mask[height // 2, : self.taps] = 1.0
        self.register_buffer("mask", mask)
        # The kernel up to its last row and column that are read: nearly half of it is zeros that need no arithmetic.
        self.height = self.centre + 1 if self.taps else max(1, self.rows)
        self.width = kernel_size if self.rows else max(1, self.taps)

    def forward(self, x: Tensor) -> Tensor:
        """The output ``[N, out_channels, H, W]`` for all pixels at once."""
        weight = (self.weight * self.mask)[:, :, : self.height, : self.width]
        left, above = self.reach, self.centre
        beyond = (left, self.width - 1 - left, above, self.height - 1 - above)  # what is not read is cut off
        return functional.conv2d(functional.pad(x, beyond), weight, self.bias)

    def band(self, width: int, size: int) -> Band:
        """Its part that reads whole rows, a row at a time; the bias is added there.

        Args:
            width: of the images.
            size: how many images.
        """
        return Band((self.weight * self.mask)[:, :, : self.rows], self.bias, width, size)

    def line(self, width: int, size: int) -> Line:
        """Its part that reads the pixel's own row, a pixel at a time; the bias is left out.

        Args:
            width: of the images.
            size: how many images.
        """
        own = self.centre
        return Line((self.weight * self.mask)[:, :, own : own + 1, : self.taps], width, size, self.reach)


class GatedLayer(Recorded):
    """One layer of both stacks.

    ``v' = gate(conv_v(v)),  h' = h + mix(gate(conv_h(h) + down(conv_v(v))))``, with a linear map of the context added
    inside each gate, and ``gate(a, b) = tanh(a) sigmoid(b)``. The horizontal stack may hold channels that only what
    comes after the layers reads: each layer adds to all of them, and reads the first ``hidden``.

    Args:
        hidden: channels that each convolution reads.
        kernel_size: of both masked convolutions; odd.
        context_dim: size of the context; 0 for none.
        unread: further channels of the horizontal stack.
    """

    convolution: type[MaskedConv2d] = MaskedConv2d

    @staticmethod
    def gate(features: Tensor, dim: int = 1) -> Tensor:
        """``tanh(a) sigmoid(b)`` of the two halves of the channels.

        Args:
            features: ``[N, 2 * hidden, ...]``.
            dim: of the channels.
        """
        value, opening = features.chunk(2, dim)
        return value.tanh() * opening.sigmoid()

    @checked
    def __init__(self, hidden: int, kernel_size: int, context_dim: int = 0, unread: int = 0) -> None:
        super().__init__()
        self.hidden = hidden
        self.vertical = self.convolution(hidden, 2 * hidden, kernel_size, "vertical", "B")
        self.horizontal = self.convolution(hidden, 2 * hidden, kernel_size, "horizontal", "B")
        self.down = nn.Conv2d(2 * hidden, 2 * hidden, 1)
        self.mix = nn.Conv2d(hidden, hidden + unread, 1)
        self.context = nn.Linear(context_dim, 4 * hidden, bias=False) if context_dim else None

    def forward(self, vertical: Tensor, horizontal: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Both stacks one layer on.

        Args:
            vertical: ``[N, hidden, H, W]``.
            horizontal: ``[N, hidden + unread, H, W]``.
            context: ``[N, context_dim]``, or None.
        """
        above, own = self.gated(vertical, horizontal, context)
        return above, horizontal + self.mix(own)

    def gated(self, vertical: Tensor, horizontal: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the gates let through, of what lies above and of what a pixel hears of all before it: both as wide.

        Args:
            vertical: ``[N, hidden, H, W]``.
            horizontal: ``[N, hidden + unread, H, W]``.
            context: ``[N, context_dim]``, or None.
        """
        features = self.vertical(vertical)
        message = self.down(features)
        if self.context is not None and context is not None:
            for_vertical, for_horizontal = self.context(context)[..., None, None].chunk(2, dim=1)
            features, message = features + for_vertical, message + for_horizontal
        heard = self.horizontal(horizontal[:, : self.hidden])
        return self.gate(features), self.gate(heard + message)

    def start(self, width: int, size: int, context: Tensor | None) -> GatedSteps:
        """The layer as it is walked through, before the first row.

        Args:
            width: of the images.
            size: how many images.
            context: ``[size, context_dim]``, or None.
        """
        return GatedSteps(self, width, size, context)


class GatedSteps:
    """One gated layer, the vertical stack a row at a time and the horizontal one a pixel at a time.

    Args:
        layer: the layer.
        width: of the images.
        size: how many images.
        context: ``[size, context_dim]``, or None.
    """

    def __init__(self, layer: GatedLayer, width: int, size: int, context: Tensor | None) -> None:
        self.above, self.left = layer.vertical.band(width, size), layer.horizontal.line(width, size)
        bias, self.down = matrix(layer.down)
        self.message, self.added = bias + layer.horizontal.bias.detach().unsqueeze(-1), bias.new_zeros(1, 1)
        if layer.context is not None and context is not None:
            self.added, for_horizontal = layer.context(context).mT.chunk(2)
            self.message = self.message + for_horizontal
        self.mix, self.hidden, self.gate = matrix(layer.mix), layer.hidden, layer.gate
        self.messages: tuple[Tensor, ...] = ()

    def descend(self, signal: Tensor) -> Tensor:
        """A row of the next vertical stack, ``[width, hidden, size]``.

        Args:
            signal: the row of this one, ``[width, hidden, size]``.
        """
        self.above.push(signal)
        features = self.above.read()
        down = self.down.expand(len(features), -1, -1)
        self.messages = torch.baddbmm(self.message, down, features).unbind()
        return self.gate(features + self.added)

    def advance(self, column: int, signal: Tensor) -> Tensor:
        """A pixel of the next horizontal stack, ``[hidden + unread, size]``.

        Args:
            column: of the pixel.
            signal: the pixel of this one, ``[hidden + unread, size]``.
        """
        self.left.put(column, signal[: self.hidden])
        features = self.left.read(column, self.messages[column])
        return torch.addmm(self.mix[0], self.mix[1], self.gate(features, dim=0)) + signal


@dataclasses.dataclass
class TwoStacks:
    """What two gated stacks remember on their way through images: nothing that is in here is computed a second time.

    Args:
        above: the convolution of the vertical stack that reads the image, and the rows of it that it reads.
        left: that of the horizontal stack, with the pixels of the present row.
        layers: the same of each layer.
        head: the last layers.
    """

    above: Band
    left: Line
    layers: list[GatedSteps]
    head: Head

    def walk(self, column: int, previous: Tensor | None, message: Tensor, beside: Tensor | None = None) -> Tensor:
        """The last horizontal stack at the next pixel, ``[channels, size]``.

        Args:
            column: of the pixel.
            previous: the pixel before it, ``[image channels, size]``; None at the first.
            message: what is added where the horizontal stack reads the image, ``[channels, 1]``.
            beside: what is added to the row of the vertical stack, ``[width, hidden, 1]``; read at column 0.
        """
        if previous is not None:
            self.left.put(column - 1, previous)
        if column == 0:
            self.above.push(self.left.values)
            row = self.above.read()
            row = row if beside is None else row + beside
            for layer in self.layers:
                row = layer.descend(row)
        signal = self.left.read(column, message)
        for layer in self.layers:
            signal = layer.advance(column, signal)
        return signal
