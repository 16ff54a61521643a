"""What a PixelCNN++ is made of: convolutions whose kernels lie above or to the left, and gated blocks of them."""

from __future__ import annotations

__all__ = ["REACH", "Doubling", "GatedResidual", "ShiftedConv2d", "both"]

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded
from ppgen.nets.causal_steps import Band, Line, RasterSteps

REACH = {"rows": ((2, 3), (1, 1, 1, 0)), "pixels": ((2, 2), (1, 0, 1, 0))}
"""Of each stream: its kernel, and the padding at the left, right, top and bottom."""


class ShiftedConv2d(nn.Module):
    """A convolution whose kernel lies above or to the left: it is padded there, and cut at the other side.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel: height and width.
        padding: left, right, top, bottom.
        stride: 1, or 2 for half the resolution, rounded up.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: tuple[int, int], padding: tuple[int, ...], stride: int = 1
    ) -> None:
        super().__init__()
        self.inner, self.padding = nn.Conv2d(in_channels, out_channels, kernel, stride), padding

    def forward(self, x: Tensor) -> Tensor:
        """``[N, in_channels, H, W] -> [N, out_channels, H / stride, W / stride]``, rounded up."""
        height, width = (-(-length // self.inner.stride[0]) for length in x.shape[-2:])
        return self.inner(functional.pad(x, self.padding))[..., :height, :width]

    def band(self, width: int, size: int) -> Band:
        """All of it, a row at a time.

        Args:
            width: of the images.
            size: how many images.
        """
        return Band(self.inner.weight, cast("Tensor", self.inner.bias), width, size, self.inner.stride[0])

    def raster(self, width: int, size: int) -> RasterSteps:
        """A kernel of two rows whose last column is the pixel's own, a pixel at a time.

        Args:
            width: of the images.
            size: how many images.
        """
        above, own = self.inner.weight.split(1, dim=2)
        band = Band(above, cast("Tensor", self.inner.bias), width, size, self.inner.stride[0])
        return RasterSteps(band, Line(own, width, size, own.shape[-1] - 1))


class Doubling(nn.Module):
    """Twice the resolution: each coarse pixel says something to its fine ones, and in the stream of rows to a third.

    Args:
        hidden: channels.
        stream: ``"rows"`` or ``"pixels"``.
    """

    def __init__(self, hidden: int, stream: str) -> None:
        super().__init__()
        kernel, (_, self.left, *_) = REACH[stream]  # as far as the stream reads to the right, it is read to the left
        self.inner = nn.ConvTranspose2d(hidden, hidden, kernel, stride=2)

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        """``[N, hidden, H, W] -> [N, hidden, *size]``, cut at the lower and right border."""
        height, width = size
        return self.inner(x)[..., :height, self.left : self.left + width]


class GatedResidual(Recorded):
    """``x + a * sigmoid(b)``, ``(a, b) = conv(elu(conv(elu(x)) + mix(elu(beside)))) + context``.

    Args:
        hidden: channels of the stream.
        stream: ``"rows"`` or ``"pixels"``: where its kernels lie.
        beside: channels of what else it reads; 0 for nothing.
        context_dim: size of the context; 0 for none.
        dropout: probability that a feature between the convolutions is dropped in training.
    """

    def __init__(self, hidden: int, stream: str, beside: int, context_dim: int, dropout: float) -> None:
        super().__init__()
        self.first = ShiftedConv2d(2 * hidden, hidden, *REACH[stream])
        self.second = ShiftedConv2d(2 * hidden, 2 * hidden, *REACH[stream])
        self.mix = nn.Conv2d(2 * beside, hidden, 1) if beside else None
        self.context = nn.Linear(context_dim, 2 * hidden, bias=False) if context_dim else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, beside: Tensor | None, context: Tensor | None) -> Tensor:
        """The next features ``[N, hidden, H, W]``.

        Args:
            x: ``[N, hidden, H, W]``.
            beside: ``[N, channels, H, W]``, or None.
            context: ``[N, context_dim]``, or None.
        """
        features = self.first(both(x))
        if self.mix is not None and beside is not None:
            features = features + self.mix(both(beside))
        features = self.second(self.dropout(both(features)))
        if self.context is not None and context is not None:
            features = features + self.context(context)[..., None, None]
        value, opening = features.chunk(2, 1)
        return x + value * opening.sigmoid()


def both(x: Tensor, dim: int = 1) -> Tensor:
    """The ELU of features and of their negatives, ``[N, C, ...] -> [N, 2 * C, ...]``.

    Args:
        x: features.
        dim: where they lie.
    """
    return functional.elu(torch.cat([x, -x], dim))
