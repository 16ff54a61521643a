"""PixelCNN++: gated residual blocks in two shifted streams, down to coarser resolutions and up again."""

from __future__ import annotations

__all__ = ["PixelCNNPlusPlus"]

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded, finite_number
from ppgen.checked import checked
from ppgen.nets.causal_images import CausalImageNetwork

_REACH = {"rows": ((2, 3), (1, 1, 1, 0)), "pixels": ((2, 2), (1, 0, 1, 0))}  # kernel, padding: left, right, top, bottom


class PixelCNNPlusPlus(CausalImageNetwork):
    """A causal network over images, wide in what it reads because it works at several resolutions.

    Two streams, as in :class:`GatedPixelCNN`: one reads the *rows* above a pixel, the other the *pixels* above and to
    the left. Kernels lie above or to the left of what they give, so that nothing is masked. Both streams go through
    residual blocks ``x + a * sigmoid(b)``, ``(a, b) = conv(elu(conv(elu(x)) + beside))`` where ELU takes its argument
    and its negative side by side; then to half the resolution, and so on; and back up, where each block reads what its
    counterpart gave on the way down.

    A coarse pixel is made of fine ones that come no later than its own upper left one, whatever the size of the image:
    odd sizes are cut at the lower and right border on the way up.

    It has no ``start`` and ``step``: a draw takes one pass over the image for each pixel.

    Reference: T. Salimans, A. Karpathy, X. Chen and D. Kingma, "PixelCNN++: improving the PixelCNN with discretized
    logistic mixture likelihood and other modifications", 2017 (arXiv 1701.05517). Here without weight normalization.

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        hidden: channels of each stream.
        num_blocks: residual blocks of each stream and resolution, on the way down and on the way up.
        num_resolutions: how often, plus one, height and width are halved.
        dropout: probability that a feature inside a block is dropped in training.
        context_dim: size of a vector that every pixel is conditioned on (a latent variable, a label); 0 for none.
        num_parameters: of each pixel.
        highest: the largest value of a pixel, above 0; values from 0 to it are read as -1 to 1.

    Shapes:
        x ``[*batch, channels, height, width]``, context ``[*batch, context_dim]`` ->
        parameters ``[*batch, num_parameters, height, width]``

    Raises:
        SettingError: a shape that is no image's; numbers out of range; when called, images of another size, or a
            context that is missing, too much or of another size.

    Example:
        >>> network = PixelCNNPlusPlus((3, 9, 7), hidden=8, num_blocks=1, num_parameters=100)
        >>> network(torch.zeros(2, 3, 9, 7)).shape
        torch.Size([2, 100, 9, 7])
    """

    # Pairs of modules, of the rows and of the pixels, in lists of lists, which torch types as modules only.
    down: Any
    up: Any
    halvings: Any
    doublings: Any

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_blocks: int = 2,
        num_resolutions: int = 3,
        dropout: float = 0.0,
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float = 1.0,
    ) -> None:
        super().__init__(x_shape, context_dim, num_parameters, highest)
        dropout = finite_number("PixelCNNPlusPlus: dropout", dropout, at_least=0.0, below=1.0, suggested=0.5)
        read = self.channels + 1  # and a channel of ones, which tells mid-grey from the padding
        self.first_rows = ShiftedConv2d(read, hidden, (2, 3), (1, 1, 2, 0))
        self.first_above = ShiftedConv2d(read, hidden, (1, 3), (1, 1, 1, 0))
        self.first_left = ShiftedConv2d(read, hidden, (2, 1), (1, 0, 1, 0))

        def blocks(num: int, skip: int) -> nn.ModuleList:
            """Pairs of one block a stream; that of the pixels reads the rows too."""
            return nn.ModuleList(
                nn.ModuleList(
                    GatedResidual(hidden, stream, beside, context_dim, dropout)
                    for stream, beside in (("rows", skip), ("pixels", skip + hidden))
                )
                for _ in range(num)
            )

        levels = range(num_resolutions - 1)
        self.down = nn.ModuleList(blocks(num_blocks, 0) for _ in range(num_resolutions))
        # On the way up, one more block for what the halving gave.
        self.up = nn.ModuleList(blocks(num_blocks + (level > 0), hidden) for level in range(num_resolutions))
        self.halvings = nn.ModuleList(
            nn.ModuleList(ShiftedConv2d(hidden, hidden, *_REACH[stream], stride=2) for stream in _REACH) for _ in levels
        )
        self.doublings = nn.ModuleList(nn.ModuleList(Doubling(hidden, stream) for stream in _REACH) for _ in levels)
        self.head = nn.Sequential(nn.ELU(), nn.Conv2d(hidden, num_parameters, 1))

    def _of_pixels(self, x: Tensor, context: Tensor | None) -> Tensor:
        x = functional.pad(x, (0, 0, 0, 0, 0, 1), value=1.0)
        rows, pixels = self.first_rows(x), self.first_above(x) + self.first_left(x)
        passed = [(rows, pixels)]
        for level, blocks in enumerate(self.down):
            for of_rows, of_pixels in blocks:
                rows = of_rows(rows, None, context)
                pixels = of_pixels(pixels, rows, context)
                passed.append((rows, pixels))
            if level < len(self.halvings):
                rows, pixels = (halve(each) for halve, each in zip(self.halvings[level], (rows, pixels), strict=True))
                passed.append((rows, pixels))
        rows, pixels = passed.pop()
        for level, blocks in enumerate(self.up):
            if level > 0:
                size, streams = passed[-1][0].shape[-2:], (rows, pixels)
                rows, pixels = (up(each, size) for up, each in zip(self.doublings[level - 1], streams, strict=True))
            for of_rows, of_pixels in blocks:
                rows_then, pixels_then = passed.pop()
                rows = of_rows(rows, rows_then, context)
                pixels = of_pixels(pixels, torch.cat([rows, pixels_then], 1), context)
        return self.head(pixels)


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


class Doubling(nn.Module):
    """Twice the resolution: each coarse pixel says something to its fine ones, and in the stream of rows to a third.

    Args:
        hidden: channels.
        stream: ``"rows"`` or ``"pixels"``.
    """

    def __init__(self, hidden: int, stream: str) -> None:
        super().__init__()
        kernel, (_, self.left, *_) = _REACH[stream]  # as far as the stream reads to the right, it is read to the left
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
        self.first = ShiftedConv2d(2 * hidden, hidden, *_REACH[stream])
        self.second = ShiftedConv2d(2 * hidden, 2 * hidden, *_REACH[stream])
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
        features = self.first(_both(x))
        if self.mix is not None and beside is not None:
            features = features + self.mix(_both(beside))
        features = self.second(self.dropout(_both(features)))
        if self.context is not None and context is not None:
            features = features + self.context(context)[..., None, None]
        value, opening = features.chunk(2, 1)
        return x + value * opening.sigmoid()


def _both(x: Tensor) -> Tensor:
    """The ELU of features and of their negatives, ``[N, C, H, W] -> [N, 2 * C, H, W]``."""
    return functional.elu(torch.cat([x, -x], 1))
