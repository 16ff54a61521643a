"""The gated PixelCNN: parameters for each pixel that depend on the pixels before it only."""

from __future__ import annotations

__all__ = ["PixelCNN", "PixelState"]

import dataclasses
from collections.abc import Sequence
from math import prod
from typing import cast

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded, finite_number, whole_number
from ppgen.checked import checked
from ppgen.errors import SettingError
from ppgen.nets.causal import GatedLayer, MaskedConv2d


@dataclasses.dataclass
class PixelState:
    """What a PixelCNN remembers on its way through images: nothing that is in here is computed a second time.

    Args:
        context: ``[size, context_dim]``, or None.
        pixels: what is drawn already, from -1 to 1, ``[size, channels, height, width]``.
        vertical: input of each layer's vertical convolution, ``[size, hidden, height, width]``.
        horizontal: input of each layer's horizontal convolution, of the present row, ``[size, hidden, 1, width]``.
        messages: of each layer's vertical stack to its horizontal one, of the present row,
            ``[size, 2 * hidden, 1, width]``.
        vertical_weights: of the first convolution and of each layer's, masked.
        horizontal_weights: of the first convolution and of each layer's, masked.
    """

    context: Tensor | None
    pixels: Tensor
    vertical: list[Tensor]
    horizontal: list[Tensor]
    messages: list[Tensor]
    vertical_weights: list[Tensor]
    horizontal_weights: list[Tensor]


class PixelCNN(Recorded):
    """A causal network over images: the parameters of pixel i read pixels 0 .. i-1 in raster order, all channels.

    A vertical stack carries what lies in the rows above, a horizontal stack what lies to the left; each layer is gated
    and the horizontal stack is residual. What the parameters mean is for a conditional family to say: a logit for
    binary pixels, ``num_parameters`` logits for grey levels.

    A hidden state depends only on pixels before it, so it never changes once those are drawn: ``step`` computes the
    vertical stack a row at a time and the horizontal stack a pixel at a time, and a whole image costs about as much as
    one pass over all pixels instead of one pass for each (Ramachandran et al., 2017).

    References: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328);
    P. Ramachandran et al., "Fast generation for convolutional autoregressive models", 2017 (arXiv 1704.06001).

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        hidden: channels of each stack.
        num_layers: gated layers after the first masked convolution.
        kernel_size: of the gated layers; odd.
        first_kernel_size: of the convolution that reads the image; odd.
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
        >>> import torch
        >>> PixelCNN((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 4,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float = 1.0,
    ) -> None:
        super().__init__()
        if len(x_shape) != 3:
            raise SettingError(
                "PixelCNN: the network orders the pixels of images",
                expected="x_shape=(channels, height, width)",
                got=f"x_shape={tuple(x_shape)}",
                fix="x = x.unsqueeze(1), where the channel is missing",
                code="S081",
            )
        num_parameters = whole_number("PixelCNN: num_parameters", num_parameters)
        self.context_dim = context_dim
        # Pixels are read from -1 on, so that a dark pixel differs from the padding beyond the border.
        self.scale = 2.0 / finite_number("PixelCNN: highest", highest, above=0.0, suggested=1.0)
        self.channels = x_shape[0]
        self.first_vertical = MaskedConv2d(self.channels, hidden, first_kernel_size, "vertical", "A")
        self.first_horizontal = MaskedConv2d(self.channels, hidden, first_kernel_size, "horizontal", "A")
        self.layers = nn.ModuleList(GatedLayer(hidden, kernel_size, context_dim) for _ in range(num_layers))
        last = nn.Conv2d(hidden, hidden, 1), nn.SiLU(), nn.Conv2d(hidden, num_parameters, 1)
        self.head = nn.Sequential(nn.SiLU(), *last)
        # Parameters of its own for each pixel: where the ink usually lies need not be learnt by convolutions.
        self.bias = nn.Parameter(torch.zeros(num_parameters, *x_shape[1:]))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The parameters ``[*batch, num_parameters, height, width]`` of all pixels at once.

        Args:
            x: ``[*batch, channels, height, width]``, from 0 to ``highest``.
            context: ``[*batch, context_dim]``, or None.
        """
        batch = x.shape[:-3]
        self._must_suit(x.shape[-3:], context)
        size = prod(batch)
        flat = self._signed(x.reshape(size, *x.shape[-3:]))
        if context is not None:
            context = context.expand(*batch, context.shape[-1]).reshape(size, context.shape[-1])
        vertical, horizontal = self.first_vertical(flat), self.first_horizontal(flat)
        for layer in self._gated():
            vertical, horizontal = layer(vertical, horizontal, context)
        return (self.head(horizontal) + self.bias).reshape(*batch, *self.bias.shape)

    def start(self, size: int, context: Tensor | None = None) -> PixelState:
        """The state before the first pixel.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit((self.channels, *self.bias.shape[1:]), context)
        layers, (height, width) = self._gated(), self.bias.shape[1:]
        hidden, new = self.first_vertical.weight.shape[0], self.bias.new_zeros
        return PixelState(
            context=context,
            pixels=new(size, self.channels, height, width),
            vertical=[new(size, hidden, height, width) for _ in layers],
            horizontal=[new(size, hidden, 1, width) for _ in layers],
            messages=[],
            vertical_weights=[each.masked_weight() for each in (self.first_vertical, *(x.vertical for x in layers))],
            horizontal_weights=[
                each.masked_weight() for each in (self.first_horizontal, *(x.horizontal for x in layers))
            ],
        )

    def step(self, state: PixelState, previous: Tensor, position: int) -> tuple[Tensor, PixelState]:
        """The parameters ``[size, num_parameters]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the pixel before this one; not read at position 0.
            position: of the pixel, in raster order.
        """
        width = self.bias.shape[-1]
        row, column = divmod(position, width)
        if position > 0:
            before = divmod(position - 1, width)
            state.pixels[:, :, before[0], before[1]] = self._signed(previous)
        if column == 0:
            self._start_row(state, row)
        first, *weights = state.horizontal_weights
        signal = self.first_horizontal.pixel(state.pixels[:, :, row : row + 1], column, first)
        each = zip(self._gated(), state.horizontal, state.messages, weights, strict=True)
        for layer, seen, message, weight in each:
            seen[..., column : column + 1] = signal
            features = layer.horizontal.pixel(seen, column, weight)
            signal = layer.advance(signal, features, message[..., column : column + 1])
        return self.head(signal)[:, :, 0, 0] + self.bias[:, row, column], state

    def _start_row(self, state: PixelState, row: int) -> None:
        """One row of the vertical stack, and its messages to the horizontal stack of that row."""
        first, *weights = state.vertical_weights
        signal = self.first_vertical.row(state.pixels, row, first)
        state.messages = []
        for layer, seen, weight in zip(self._gated(), state.vertical, weights, strict=True):
            seen[:, :, row : row + 1] = signal
            signal, message = layer.descend(layer.vertical.row(seen, row, weight), state.context)
            state.messages.append(message)

    def _gated(self) -> list[GatedLayer]:
        return cast("list[GatedLayer]", list(self.layers))

    def _signed(self, x: Tensor) -> Tensor:
        return self.scale * x - 1.0

    def _must_suit(self, shape: Sequence[int], context: Tensor | None) -> None:
        wanted, given = (self.channels, *self.bias.shape[1:]), 0 if context is None else context.shape[-1]
        if tuple(shape) != wanted or given != self.context_dim:
            raise SettingError(
                "PixelCNN: the network was made for other inputs",
                expected=f"images of shape {wanted}, a context of size {self.context_dim}",
                got=f"images of shape {tuple(shape)}, a context of size {given}",
                fix=f"PixelCNN({tuple(shape)}, context_dim={given})",
                code="S082",
            )
