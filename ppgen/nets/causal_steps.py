"""Causal convolutions a row or a pixel at a time, each as one matrix product.

Values lie features first and data last, ``[columns, rows, features, size]``: what a kernel reads is then one block of
memory, a matrix ``[taps, size]``, which goes into the product as it lies. Weights are laid out for it once.
"""

from __future__ import annotations

__all__ = ["Band", "Head", "Line", "RasterSteps", "matrix"]

from typing import Any

import torch
from torch import Tensor, nn


class Band:
    """The last rows of an image, and a convolution that reads them in full width.

    Args:
        weight: ``[out, features, rows, columns]``; its lowest row is the last that was given, its middle column, or
            the last of two, is the pixel's own.
        bias: ``[out]``.
        width: of the image.
        size: how many images.
        stride: 1, or 2 for every second pixel, from the first on.
    """

    def __init__(self, weight: Tensor, bias: Tensor, width: int, size: int, stride: int = 1) -> None:
        out, features, rows, columns = weight.shape
        wanted = -(-width // stride)
        self.weight = _laid_out(weight).expand(wanted, out, -1)
        self.bias = bias.detach().unsqueeze(-1)
        self.values = weight.new_zeros(width + columns - 1, rows, features, size)
        block = rows * features * size
        self.windows = self.values.as_strided((wanted, columns * rows * features, size), (stride * block, size, 1))
        self.inner = self.values[columns // 2 : columns // 2 + width]

    def read(self, message: Tensor | None = None) -> Tensor:
        """What the convolution gives, ``[width, out, size]``; rows that were not given are zeros.

        Args:
            message: what it is added to in place of the bias, of a shape that broadcasts; None for the bias.
        """
        return torch.baddbmm(self.bias if message is None else message, self.weight, self.windows)

    def push(self, row: Tensor) -> None:
        """One more row, ``[width, features, size]``; the first is forgotten."""
        self.inner[:, :-1] = self.inner[:, 1:].clone()
        self.inner[:, -1:] = row.unsqueeze(1)


class Line:
    """One row of an image, and a convolution that reads the pixels to the left.

    Args:
        weight: ``[out, features, 1, taps]``, of the pixels up to the last that is read.
        width: of the image.
        size: how many images.
        reach: how many pixels to the left of the present one the first tap lies.
    """

    def __init__(self, weight: Tensor, width: int, size: int, reach: int) -> None:
        features, taps = weight.shape[1], weight.shape[-1]
        self.weight = _laid_out(weight)
        padded = weight.new_zeros(reach + width, features, size)
        self.values = padded[reach:]
        block = features * size
        self.pixels = self.values.unbind()
        self.windows = padded.as_strided((width, taps * features, size), (block, size, 1)).unbind()

    def read(self, column: int, message: Tensor) -> Tensor:
        """What the convolution gives for one pixel, added to a message ``[out, size]``: ``[out, size]``."""
        return torch.addmm(message, self.weight, self.windows[column])

    def put(self, column: int, value: Tensor) -> None:
        """The values of one pixel, ``[features, size]``."""
        self.pixels[column].copy_(value)


class RasterSteps:
    """A convolution that reads the rows above and the pixels to the left, of the same features.

    Args:
        band: its part for the rows above.
        line: its part for the pixels to the left.
    """

    def __init__(self, band: Band, line: Line) -> None:
        self.band, self.line = band, line
        self.messages: tuple[Tensor, ...] = ()

    def start_row(self, message: Tensor | None = None) -> None:
        """The row that was filled becomes one of those above, and what these say to the next is computed.

        Args:
            message: what it is added to in place of the bias, of a shape that broadcasts to ``[width, out, size]``.
        """
        self.band.push(self.line.values)
        self.messages = self.band.read(message).unbind()

    def put(self, column: int, value: Tensor) -> None:
        """The values of one pixel, ``[features, size]``."""
        self.line.put(column, value)

    def read(self, column: int) -> Tensor:
        """What the convolution gives for one pixel, ``[out, size]``."""
        return self.line.read(column, self.messages[column])


class Head:
    """The last layers of a network, which read one pixel alone, and the pixel's own bias.

    Args:
        layers: activations and layers that read one pixel, by turns.
        bias: ``[num_parameters, height, width]``.
    """

    def __init__(self, layers: nn.Sequential, bias: Tensor) -> None:
        pairs = zip(layers[::2], layers[1::2], strict=True)
        *self.hidden, (self.activation, (offset, self.weight)) = [(each, matrix(layer)) for each, layer in pairs]
        self.biases = (bias.detach().flatten(1).mT.unsqueeze(-1) + offset).unbind()

    def read(self, position: int, signal: Tensor) -> Tensor:
        """The parameters ``[size, num_parameters]`` of a pixel, from its features ``[features, size]``."""
        for activation, layer in self.hidden:
            signal = torch.addmm(*layer, activation(signal))
        return torch.addmm(self.biases[position], self.weight, self.activation(signal)).mT.contiguous()


def matrix(layer: Any) -> tuple[Tensor, Tensor]:
    """The bias ``[out, 1]`` and weight ``[out, features]`` of a layer that reads one pixel alone, for ``addmm``."""
    return layer.bias.detach().unsqueeze(-1), layer.weight.detach().flatten(1)


def _laid_out(weight: Tensor) -> Tensor:
    """``[out, features, rows, columns]`` -> ``[out, columns * rows * features]``, in the order of the values."""
    return weight.detach().permute(0, 3, 2, 1).flatten(1)
