"""A gated PixelCNN whose layers all speak to the head, and whose stacks are both residual."""

from __future__ import annotations

__all__ = ["SkipPixelCNN"]

import dataclasses
from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import finite_number
from ppgen.checked import checked
from ppgen.nets.causal import GatedLayer, GatedSteps, MaskedConv2d, TwoStacks
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.causal_steps import Head


class SeenConv2d(MaskedConv2d):
    """A masked convolution that holds weights only for what it reads, drawn for that many.

    A gradient of zeros would make Muon orthogonalise larger matrices than there is need for.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stack: Literal["vertical", "horizontal", "raster"],
        kind: Literal["A", "B"],
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stack, kind)
        seen = nn.Conv2d(in_channels, out_channels, (self.height, self.width))
        self.weight, self.bias = seen.weight, cast("nn.Parameter", seen.bias)
        self.mask = self.mask[: self.height, : self.width].clone()


class ResidualLayer(GatedLayer):
    """A gated layer that adds to the vertical stack as well, in place of replacing it: ``v' = v + gate(conv_v(v))``.

    Args:
        hidden: channels that each convolution reads; the horizontal stack has as many more, which the head reads.
        kernel_size: of both masked convolutions; odd.
        context_dim: size of the context; 0 for none.
        dropout: probability that a feature that the horizontal stack would take in is dropped in training.
    """

    convolution = SeenConv2d

    def __init__(self, hidden: int, kernel_size: int, context_dim: int, dropout: float) -> None:
        super().__init__(hidden, kernel_size, context_dim, unread=hidden)
        self.dropout = dropout

    @staticmethod
    def gate(features: Tensor, dim: int = 1) -> Tensor:
        """``2 tanh(a / 2) sigmoid(b)`` of the two halves of the channels: the same functions in half of the time.

        All is one sigmoid, of which ``2 tanh(a / 2) = 4 sigmoid(a) - 2``. Where layers compute in bfloat16, what the
        subtraction leaves of a small a would be rounding alone.

        Args:
            features: ``[N, 2 * hidden, ...]``.
            dim: of the channels.
        """
        precise = features.to(torch.promote_types(features.dtype, torch.float32))
        value, opening = precise.sigmoid().chunk(2, dim)
        return (4.0 * value - 2.0) * opening

    def forward(self, vertical: Tensor, horizontal: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Both stacks one layer on.

        Args:
            vertical: ``[N, hidden, H, W]``.
            horizontal: ``[N, hidden + unread, H, W]``.
            context: ``[N, context_dim]``, or None.
        """
        above, own = self.gated(vertical, horizontal, context)
        return vertical + above, horizontal + self.mix(functional.dropout(own, self.dropout, self.training))

    def start(self, width: int, size: int, context: Tensor | None) -> GatedSteps:
        """The layer as it is walked through, before the first row.

        Args:
            width: of the images.
            size: how many images.
            context: ``[size, context_dim]``, or None.
        """
        return ResidualSteps(self, width, size, context)


class ResidualSteps(GatedSteps):
    """One such layer, the vertical stack a row at a time and the horizontal one a pixel at a time."""

    def descend(self, signal: Tensor) -> Tensor:
        """A row of the next vertical stack, ``[width, hidden, size]``.

        Args:
            signal: the row of this one, ``[width, hidden, size]``.
        """
        return super().descend(signal) + signal


@dataclasses.dataclass
class SkipState(TwoStacks):
    """What the network remembers on its way through images.

    Args:
        rows: what the places of a row add to the vertical stack, ``[width, hidden, 1]`` for each row.
        places: what a place adds to the horizontal stack, with the bias of ``left``, ``[2 * hidden, 1]`` for each.
    """

    rows: tuple[Tensor, ...]
    places: tuple[Tensor, ...]


class SkipPixelCNN(CausalImageNetwork):
    """A causal network over images that learns faster than a gated PixelCNN of the same size.

    It is ``GatedPixelCNN`` but for three things, each of which shortens the way from a weight to the loss: all layers,
    the first convolution too, write into channels that the head reads and no layer does (the skip connections of
    WaveNet); the vertical stack is residual, as the horizontal one is; and each place of the image has features of its
    own from the start, so that layers need not find out from the border where they are.

    References: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328);
    A. van den Oord et al., "WaveNet: a generative model for raw audio", 2016 (arXiv 1609.03499).

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        hidden: channels of the vertical stack; of the horizontal one, as many that layers read, and as many that the
            head reads.
        num_layers: gated layers after the first masked convolution.
        kernel_size: of the gated layers; odd.
        first_kernel_size: of the convolution that reads the image; odd.
        dropout: probability that a feature on its way from a layer to the head is dropped in training.
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
        >>> SkipPixelCNN((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 5,
        kernel_size: int = 3,
        first_kernel_size: int = 5,
        dropout: float = 0.0,
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float = 1.0,
    ) -> None:
        super().__init__(x_shape, context_dim, num_parameters, highest)
        self.first_vertical = SeenConv2d(self.channels, hidden, first_kernel_size, "vertical", "A")
        self.first_horizontal = SeenConv2d(self.channels, 2 * hidden, first_kernel_size, "horizontal", "A")
        self.above_places = nn.Parameter(torch.zeros(hidden, *x_shape[1:]))
        self.places = nn.Parameter(torch.zeros(2 * hidden, *x_shape[1:]))
        dropout = finite_number("SkipPixelCNN: dropout", dropout, at_least=0.0, below=1.0, suggested=0.1)
        layers = (ResidualLayer(hidden, kernel_size, context_dim, dropout) for _ in range(num_layers))
        self.layers = nn.ModuleList(layers)
        last = nn.Conv2d(hidden, 2 * hidden, 1), nn.SiLU(), nn.Conv2d(2 * hidden, num_parameters, 1)
        self.head = nn.Sequential(nn.SiLU(), *last)

    def _of_pixels(self, x: Tensor, context: Tensor | None) -> Tensor:
        vertical, horizontal = self.first_vertical(x) + self.above_places, self.first_horizontal(x) + self.places
        for layer in self._gated():
            vertical, horizontal = layer(vertical, horizontal, context)
        return self.head(horizontal.chunk(2, dim=1)[1])

    @torch.no_grad()
    def start(self, size: int, context: Tensor | None = None) -> SkipState:
        """The state before the first pixel, with all weights as matrices; no gradient passes through steps.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit((self.channels, *self.bias.shape[1:]), context)
        width = self.bias.shape[-1]
        places = self.places + self.first_horizontal.bias[:, None, None]
        return SkipState(
            above=self.first_vertical.band(width, size),
            left=self.first_horizontal.line(width, size),
            rows=self.above_places.detach().permute(1, 2, 0).unsqueeze(-1).unbind(),
            places=places.flatten(1).mT.unsqueeze(-1).unbind(),
            layers=[layer.start(width, size, context) for layer in self._gated()],
            head=Head(self.head, self.bias),
        )

    def step(self, state: SkipState, previous: Tensor, position: int) -> tuple[Tensor, SkipState]:
        """The parameters ``[size, num_parameters]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the pixel before this one; not read at position 0.
            position: of the pixel, in raster order.
        """
        row, column = divmod(position, len(state.left.pixels))
        pixel = self._signed(previous).mT if position > 0 else None
        signal = state.walk(column, pixel, state.places[position], state.rows[row])
        return state.head.read(position, signal.chunk(2)[1]), state

    def _gated(self) -> list[ResidualLayer]:
        return cast("list[ResidualLayer]", list(self.layers))
