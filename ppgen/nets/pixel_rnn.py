"""What the two PixelRNNs share: residual recurrent layers between a masked convolution and a head of pixels."""

from __future__ import annotations

__all__ = ["PixelRNN", "PixelRNNState", "RecurrentLayer"]

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded
from ppgen.errors import SettingError
from ppgen.nets.causal_images import CausalImageNetwork


class RecurrentLayer(Recorded, abc.ABC):
    """A residual layer that reads features of the pixels before and up to its own: ``x + up(states(x))``."""

    @abc.abstractmethod
    def forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        """All pixels at once, ``[height, width, size, features]`` to the same shape.

        Args:
            x: ``[height, width, size, features]``.
            context: ``[size, context_dim]``, or None.
        """

    @abc.abstractmethod
    def start(self, size: int, width: int, context: Tensor | None) -> Any:
        """What the layer remembers before the first pixel.

        Args:
            size: how many images are walked through together.
            width: of the images.
            context: ``[size, context_dim]``, or None.
        """

    @abc.abstractmethod
    def start_row(self, state: Any) -> None:
        """Whatever the pixels of a row need of the rows above, which are all known.

        Args:
            state: from ``start``; it is written into.
        """

    @abc.abstractmethod
    def pixel(self, state: Any, x: Tensor, column: int) -> Tensor:
        """One pixel, ``[size, features]``, after all those before it.

        Args:
            state: from ``start``; it is written into.
            x: ``[size, features]``.
            column: of the pixel.
        """


@dataclasses.dataclass
class PixelRNNState:
    """What a PixelRNN remembers on its way through images: nothing that is in here is computed a second time.

    Args:
        pixels: what is drawn already, from -1 to 1, ``[size, channels, height, width]`` with zeros around.
        first_weight: of the first convolution, ``[inputs, features]``.
        layers: what each layer remembers.
    """

    pixels: Tensor
    first_weight: Tensor
    layers: list[Any]


class PixelRNN(CausalImageNetwork):
    """A masked convolution of the image, residual recurrent layers, and two linear maps to each pixel's parameters.

    Reference: A. van den Oord, N. Kalchbrenner and K. Kavukcuoglu, "Pixel recurrent neural networks", 2016 (arXiv
    1601.06759), sections 3.3 to 3.5.

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        layers: each from ``features`` to ``features``.
        features: of a pixel, between the layers.
        first_kernel_size: of the convolution that reads the image; odd, 3 or more.
        context_dim: size of a vector that every pixel is conditioned on (a latent variable, a label); 0 for none.
        num_parameters: of each pixel.
        highest: the largest value of a pixel, above 0; values from 0 to it are read as -1 to 1.
    """

    columns_beyond: ClassVar[int] = 0  # columns of zeros on the right that layers read as if they were pixels

    def __init__(
        self,
        x_shape: Sequence[int],
        layers: Sequence[RecurrentLayer],
        features: int,
        first_kernel_size: int,
        context_dim: int,
        num_parameters: int,
        highest: float,
    ) -> None:
        super().__init__(x_shape, context_dim, num_parameters, highest)
        must_be_odd(f"{type(self).__name__}: first_kernel_size", first_kernel_size, at_least=3)
        self.reach, self.kernel_size = first_kernel_size // 2, first_kernel_size
        # Mask A: the rows above and what lies to the left. Taps that a mask would hide have no weights at all.
        self.visible = self.reach * first_kernel_size + self.reach
        self.first = nn.Linear(self.channels * self.visible, features)
        self.layers = nn.ModuleList(layers)
        last = nn.Linear(features, features), nn.ReLU(), nn.Linear(features, num_parameters)
        self.head = nn.Sequential(nn.ReLU(), *last)

    def _of_pixels(self, x: Tensor, context: Tensor | None) -> Tensor:
        height, width = x.shape[-2:]
        taps = functional.unfold(self._padded(x), (self.reach + 1, self.kernel_size))
        taps = taps.unflatten(1, (self.channels, -1))[:, :, : self.visible].flatten(1, 2)
        # Pixels first, images next: a row of all images is one piece of memory, and one matrix in a product.
        signal = self.first(taps.permute(2, 0, 1)).unflatten(0, (height, width + self.columns_beyond))
        for layer in self.layers:
            signal = layer(signal, context)
        return self.head(signal[:, :width]).permute(2, 3, 0, 1)

    def start(self, size: int, context: Tensor | None = None) -> PixelRNNState:
        """The state before the first pixel.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        shape = (self.channels, *self.bias.shape[1:])
        self._must_suit(shape, context)
        return PixelRNNState(
            pixels=self._padded(self.bias.new_zeros(size, *shape)),
            first_weight=self.first.weight.t().contiguous(),
            layers=[layer.start(size, shape[-1] + self.columns_beyond, context) for layer in self._recurrent()],
        )

    def step(self, state: PixelRNNState, previous: Tensor, position: int) -> tuple[Tensor, PixelRNNState]:
        """The parameters ``[size, num_parameters]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the pixel before this one; not read at position 0.
            position: of the pixel, in raster order.
        """
        width = self.bias.shape[-1]
        row, column = divmod(position, width)
        if position > 0:
            above, left = divmod(position - 1, width)
            state.pixels[:, :, above + self.reach, left + self.reach] = self._signed(previous)
        if column == 0 and row > 0:
            for beyond in range(width, width + self.columns_beyond):
                self._pixel(state, row - 1, beyond)
            for layer, remembered in zip(self._recurrent(), state.layers, strict=True):
                layer.start_row(remembered)
        return self.head(self._pixel(state, row, column)) + self.bias[:, row, column], state

    def _pixel(self, state: PixelRNNState, row: int, column: int) -> Tensor:
        """The features ``[size, features]`` of the next pixel, or of the next column beyond the border."""
        taps = state.pixels[:, :, row : row + self.reach + 1, column : column + self.kernel_size].flatten(2)
        signal = torch.addmm(self.first.bias, taps[:, :, : self.visible].flatten(1), state.first_weight)
        for layer, remembered in zip(self._recurrent(), state.layers, strict=True):
            signal = layer.pixel(remembered, signal, column)
        return signal

    def _padded(self, x: Tensor) -> Tensor:
        return functional.pad(x, (self.reach, self.reach + self.columns_beyond, self.reach, 0))

    def _recurrent(self) -> list[RecurrentLayer]:
        return cast("list[RecurrentLayer]", list(self.layers))


def must_be_odd(what: str, size: int, at_least: int = 1) -> None:
    """Refuse a kernel without a centre, or one that is too small.

    Args:
        what: the argument, with whose it is.
        size: of the kernel.
        at_least: the smallest size.

    Raises:
        SettingError: an even size, or one below ``at_least``.
    """
    if size < at_least or size % 2 == 0:
        raise SettingError(
            f"{what} is no size of this kernel",
            expected=f"an odd number, {at_least} or more",
            got=f"{size}",
            fix=f"{what.rpartition(' ')[2]}={max(at_least, size + 1 - size % 2)}",
            code="S187",
        )
