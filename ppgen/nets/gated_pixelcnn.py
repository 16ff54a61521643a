"""The gated PixelCNN: parameters for each pixel that depend on the pixels before it only."""

from __future__ import annotations

__all__ = ["GatedPixelCNN", "GatedState"]

import dataclasses
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ppgen.checked import checked
from ppgen.nets.causal import GatedLayer, MaskedConv2d, TwoStacks
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.causal_steps import Head


@dataclasses.dataclass
class GatedState(TwoStacks):
    """What a gated PixelCNN remembers on its way through images.

    Args:
        bias: of the convolution of the horizontal stack that reads the image.
    """

    bias: Tensor


class GatedPixelCNN(CausalImageNetwork):
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
        >>> GatedPixelCNN((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
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
        super().__init__(x_shape, context_dim, num_parameters, highest)
        self.first_vertical = MaskedConv2d(self.channels, hidden, first_kernel_size, "vertical", "A")
        self.first_horizontal = MaskedConv2d(self.channels, hidden, first_kernel_size, "horizontal", "A")
        self.layers = nn.ModuleList(GatedLayer(hidden, kernel_size, context_dim) for _ in range(num_layers))
        last = nn.Conv2d(hidden, hidden, 1), nn.SiLU(), nn.Conv2d(hidden, num_parameters, 1)
        self.head = nn.Sequential(nn.SiLU(), *last)

    def _of_pixels(self, x: Tensor, context: Tensor | None) -> Tensor:
        vertical, horizontal = self.first_vertical(x), self.first_horizontal(x)
        for layer in self._gated():
            vertical, horizontal = layer(vertical, horizontal, context)
        return self.head(horizontal)

    @torch.no_grad()
    def start(self, size: int, context: Tensor | None = None) -> GatedState:
        """The state before the first pixel, with all weights as matrices; no gradient passes through steps.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit((self.channels, *self.bias.shape[1:]), context)
        width = self.bias.shape[-1]
        return GatedState(
            above=self.first_vertical.band(width, size),
            left=self.first_horizontal.line(width, size),
            bias=self.first_horizontal.bias.detach().unsqueeze(-1),
            layers=[layer.start(width, size, context) for layer in self._gated()],
            head=Head(self.head, self.bias),
        )

    def step(self, state: GatedState, previous: Tensor, position: int) -> tuple[Tensor, GatedState]:
        """The parameters ``[size, num_parameters]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the pixel before this one; not read at position 0.
            position: of the pixel, in raster order.
        """
        column = position % len(state.left.pixels)
        signal = state.walk(column, self._signed(previous).mT if position > 0 else None, state.bias)
        return state.head.read(position, signal), state

    def _gated(self) -> list[GatedLayer]:
        return cast("list[GatedLayer]", list(self.layers))
