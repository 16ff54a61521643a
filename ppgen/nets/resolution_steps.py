"""A PixelCNN++ a row and a pixel at a time: at every resolution, what has become final is computed, and once.

The stream of rows goes down and up when a row begins, that of the pixels at each pixel. A coarse row becomes final with
the first of its two fine rows, a coarse pixel with the first of its four; the others read what was kept. Values lie as
:mod:`ppgen.nets.causal_steps` lays them, features before data.
"""

from __future__ import annotations

__all__ = ["CoarserSteps", "ResolutionSteps"]

from typing import Any

import torch
from torch import Tensor

from ppgen.nets.causal_steps import matrix
from ppgen.nets.shifted import Doubling, GatedResidual, ShiftedConv2d, both


class RowSteps:
    """A gated residual block of the stream of rows.

    Args:
        block: the block.
        width: of its resolution.
        size: how many images.
        context: ``[size, context_dim]``, or None.
    """

    def __init__(self, block: GatedResidual, width: int, size: int, context: Tensor | None) -> None:
        self.first, self.second = block.first.band(width, size), block.second.band(width, size)
        self.mix = None if block.mix is None else matrix(block.mix)
        self.message = self.second.bias if block.context is None else self.second.bias + block.context(context).mT

    def descend(self, row: Tensor, beside: Tensor | None = None) -> Tensor:
        """A row of the next features, ``[width, hidden, size]``.

        Args:
            row: of these, ``[width, hidden, size]``.
            beside: what else is read, ``[width, hidden, size]``, or None.
        """
        message = None
        if self.mix is not None and beside is not None:
            bias, weight = self.mix
            message = torch.baddbmm(bias + self.first.bias, weight.expand(len(row), -1, -1), both(beside))
        self.first.push(both(row))
        self.second.push(both(self.first.read(message)))
        value, opening = self.second.read(self.message).chunk(2, 1)
        return row + value * opening.sigmoid()


class PixelSteps:
    """A gated residual block of the stream of pixels.

    Args:
        block: the block.
        width: of its resolution.
        size: how many images.
        context: ``[size, context_dim]``, or None.
    """

    def __init__(self, block: GatedResidual, width: int, size: int, context: Tensor | None) -> None:
        self.first, self.second = block.first.raster(width, size), block.second.raster(width, size)
        bias, weight = matrix(block.mix)
        hidden = len(weight)
        # Columns of the matrix: what is read of the rows, then of the pixels' own way down; the same for negatives.
        of_rows, *of_pixels = (each.flatten(1) for each in weight.unflatten(1, (2, -1, hidden)).unbind(2))
        self.of_rows, self.of_pixels = of_rows.expand(width, -1, -1), of_pixels
        self.from_rows = bias + self.first.band.bias
        message = self.second.band.bias
        self.message = message if block.context is None else message + block.context(context).mT

    def start_row(self, row: Tensor) -> None:
        """What the row above, the stream of rows and the context say to all pixels of the next row.

        Args:
            row: of the stream of rows, ``[width, hidden, size]``.
        """
        self.first.start_row(torch.baddbmm(self.from_rows, self.of_rows, both(row)))
        self.second.start_row(self.message)

    def advance(self, column: int, pixel: Tensor, *beside: Tensor) -> Tensor:
        """A pixel of the next features, ``[hidden, size]``.

        Args:
            column: of the pixel.
            pixel: of these, ``[hidden, size]``.
            *beside: what else is read, nothing or one ``[hidden, size]``.
        """
        self.first.put(column, both(pixel, 0))
        features = self.first.read(column)
        for weight, each in zip(self.of_pixels, beside, strict=True):
            features = torch.addmm(features, weight, both(each, 0))
        self.second.put(column, both(features, 0))
        value, opening = self.second.read(column).chunk(2)
        return torch.addcmul(pixel, value, opening.sigmoid())


class ResolutionSteps:
    """One resolution, on the way down and up, and through it all that are coarser.

    Args:
        down: pairs of blocks, of the rows and of the pixels.
        up: pairs of blocks.
        coarser: the next resolution; None at the coarsest.
        width: of the images at this one.
        size: how many images.
        context: ``[size, context_dim]``, or None.
    """

    def __init__(
        self, down: Any, up: Any, coarser: CoarserSteps | None, width: int, size: int, context: Tensor | None
    ) -> None:
        self.coarser = coarser
        self.down, self.up = (
            [(RowSteps(rows, width, size, context), PixelSteps(pixels, width, size, context)) for rows, pixels in way]
            for way in (down, up)
        )

    def start_row(self, row: int, signal: Tensor) -> Tensor:
        """The stream of rows down and up again, ``[width, hidden, size]``.

        Args:
            row: 0, 1, 2 ... of this resolution.
            signal: what comes down to it, ``[width, hidden, size]``.
        """
        passed = [signal]
        for rows, pixels in self.down:
            passed.append(rows.descend(passed[-1]))
            pixels.start_row(passed[-1])
        signal = passed.pop() if self.coarser is None else self.coarser.start_row(row, passed[-1])
        for rows, pixels in self.up:
            signal = rows.descend(signal, passed.pop())
            pixels.start_row(signal)
        return signal

    def advance(self, row: int, column: int, signal: Tensor) -> Tensor:
        """The stream of pixels down and up again, ``[hidden, size]``.

        Args:
            row: of this resolution.
            column: of this resolution.
            signal: what comes down to the pixel, ``[hidden, size]``.
        """
        passed = [signal]
        for _, pixels in self.down:
            passed.append(pixels.advance(column, passed[-1]))
        signal = passed.pop() if self.coarser is None else self.coarser.advance(row, column, passed[-1])
        for _, pixels in self.up:
            signal = pixels.advance(column, signal, passed.pop())
        return signal


class CoarserSteps:
    """The way to half the resolution, through what is there, and back.

    Args:
        halvings: of the rows and of the pixels.
        doublings: likewise.
        inner: the coarser resolution.
        width: of the images at the finer one.
        size: how many images.
    """

    def __init__(
        self,
        halvings: tuple[ShiftedConv2d, ShiftedConv2d],
        doublings: tuple[Doubling, Doubling],
        inner: ResolutionSteps,
        width: int,
        size: int,
    ) -> None:
        self.inner, self.width, self.double_rows = inner, width, doublings[0]
        self.rows, self.pixels = halvings[0].band(width, size), halvings[1].raster(width, size)
        kernel = doublings[1].inner
        assert kernel.bias is not None
        # Four fine pixels from each coarse one, row by row.
        self.weight = kernel.weight.detach().permute(2, 3, 1, 0).flatten(0, 2)
        self.bias = kernel.bias.detach().repeat(4).unsqueeze(-1)
        self.fine_rows: tuple[Tensor, ...] = ()
        self.fine_pixels: list[tuple[Tensor, ...]] = [()] * -(-width // 2)

    def start_row(self, row: int, signal: Tensor) -> Tensor:
        """What the coarser resolution says to a row, ``[width, hidden, size]``.

        Args:
            row: of the finer resolution.
            signal: of the stream of rows, ``[width, hidden, size]``.
        """
        self.rows.push(signal)
        if row % 2 == 0:
            self.pixels.start_row()
            coarse = self.inner.start_row(row // 2, self.rows.read())
            with torch.no_grad():
                fine = self.double_rows(coarse.permute(2, 1, 0).unsqueeze(2), (2, self.width))
            self.fine_rows = fine.permute(2, 3, 1, 0).contiguous().unbind()
        return self.fine_rows[row % 2]

    def advance(self, row: int, column: int, signal: Tensor) -> Tensor:
        """What the coarser resolution says to a pixel, ``[hidden, size]``.

        Args:
            row: of the finer resolution.
            column: of the finer resolution.
            signal: of the stream of pixels, ``[hidden, size]``.
        """
        self.pixels.put(column, signal)
        coarse, corner = column // 2, 2 * (row % 2) + column % 2
        if corner == 0:
            signal = self.pixels.line.read(column, self.pixels.messages[coarse])
            signal = self.inner.advance(row // 2, coarse, signal)
            self.fine_pixels[coarse] = torch.addmm(self.bias, self.weight, signal).chunk(4)
        return self.fine_pixels[coarse][corner]
