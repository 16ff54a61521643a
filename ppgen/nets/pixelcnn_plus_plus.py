"""PixelCNN++: gated residual blocks in two shifted streams, down to coarser resolutions and up again."""

from __future__ import annotations

__all__ = ["PixelCNNPlusPlus", "PlusPlusState"]

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import finite_number
from ppgen.checked import checked
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.causal_steps import Band, Head, Line, RasterSteps
from ppgen.nets.resolution_steps import CoarserSteps, ResolutionSteps
from ppgen.nets.shifted import REACH, Doubling, GatedResidual, ShiftedConv2d


@dataclasses.dataclass
class PlusPlusState:
    """What a PixelCNN++ remembers on its way through images: nothing that is in here is computed a second time.

    Args:
        above: the convolution of the stream of rows that reads the image, and the rows of it that it reads.
        first: those of the stream of pixels.
        of_rows: what the border adds to the former, and its bias, ``[hidden, 1]`` for each row and column.
        of_pixels: likewise to the latter.
        full: the full resolution, and through it all others.
        head: the last layer.
    """

    above: Band
    first: RasterSteps
    of_rows: Tensor
    of_pixels: Tensor
    full: ResolutionSteps
    head: Head


class PixelCNNPlusPlus(CausalImageNetwork):
    """A causal network over images, wide in what it reads because it works at several resolutions.

    Two streams, as in :class:`GatedPixelCNN`: one reads the *rows* above a pixel, the other the *pixels* above and to
    the left. Kernels lie above or to the left of what they give, so that nothing is masked. Both streams go through
    residual blocks ``x + a * sigmoid(b)``, ``(a, b) = conv(elu(conv(elu(x)) + beside))`` where ELU takes its argument
    and its negative side by side; then to half the resolution, and so on; and back up, where each block reads what its
    counterpart gave on the way down.

    A coarse pixel is made of fine ones that come no later than its own upper left one, whatever the size of the image:
    odd sizes are cut at the lower and right border on the way up.

    For the same reason nothing that was computed changes later: ``step`` computes the rows' stream a row at a time and
    the pixels' stream a pixel at a time, coarse ones when the first of their fine ones is reached, and a whole image
    costs about as much as one pass over all pixels. Steps know no dropout: what is drawn is drawn from the whole.

    References: T. Salimans, A. Karpathy, X. Chen and D. Kingma, "PixelCNN++: improving the PixelCNN with discretized
    logistic mixture likelihood and other modifications", 2017 (arXiv 1701.05517), here without weight normalization;
    P. Ramachandran et al., "Fast generation for convolutional autoregressive models", 2017 (arXiv 1704.06001).

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
            nn.ModuleList(ShiftedConv2d(hidden, hidden, *REACH[stream], stride=2) for stream in REACH) for _ in levels
        )
        self.doublings = nn.ModuleList(nn.ModuleList(Doubling(hidden, stream) for stream in REACH) for _ in levels)
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

    @torch.no_grad()
    def start(self, size: int, context: Tensor | None = None) -> PlusPlusState:
        """The state before the first pixel, with all weights as matrices; no gradient passes through steps.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        channels, height, width = self.channels, *self.bias.shape[1:]
        self._must_suit((channels, height, width), context)
        # The channel of ones says the same at every draw: what a pixel reads of it is what it reads of mid-grey alone.
        grey = torch.cat([self.bias.new_zeros(1, channels, height, width), self.bias.new_ones(1, 1, height, width)], 1)
        of_rows, of_pixels = self.first_rows(grey), self.first_above(grey) + self.first_left(grey)
        rows, above, left = (
            each.inner.weight[:, :channels] for each in (self.first_rows, self.first_above, self.first_left)
        )
        # Of the pixel to the left, the one above it is read together with the others of that row.
        above, no_bias = above + functional.pad(left[:, :, :1], (0, 2)), rows.new_zeros(len(rows))
        return PlusPlusState(
            above=Band(rows, no_bias, width, size),
            first=RasterSteps(Band(above, no_bias, width, size), Line(left[:, :, 1:], width, size, 1)),
            of_rows=of_rows[0].permute(1, 2, 0).unsqueeze(-1),
            of_pixels=of_pixels[0].permute(1, 2, 0).unsqueeze(-1),
            full=self._steps(0, width, size, context),
            head=Head(self.head, self.bias),
        )

    def step(self, state: PlusPlusState, previous: Tensor, position: int) -> tuple[Tensor, PlusPlusState]:
        """The parameters ``[size, num_parameters]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the pixel before this one; not read at position 0.
            position: of the pixel, in raster order.
        """
        row, column = divmod(position, self.bias.shape[-1])
        if position > 0:
            state.first.put(column - 1, self._signed(previous).mT)
        if column == 0:
            state.above.push(state.first.line.values)
            state.first.start_row(state.of_pixels[row])
            state.full.start_row(row, state.above.read(state.of_rows[row]))
        signal = state.full.advance(row, column, state.first.read(column))
        return state.head.read(position, signal), state

    def _steps(self, level: int, width: int, size: int, context: Tensor | None) -> ResolutionSteps:
        """The steps of a resolution and of all that are coarser, for images of ``width`` columns there."""
        coarser = None
        if level < len(self.halvings):
            inner = self._steps(level + 1, -(-width // 2), size, context)
            coarser = CoarserSteps(self.halvings[level], self.doublings[-1 - level], inner, width, size)
        return ResolutionSteps(self.down[level], self.up[-1 - level], coarser, width, size, context)
