"""The plain PixelCNN: one stack of masked convolutions, with the blind spot that two stacks were made to mend."""

from __future__ import annotations

__all__ = ["PixelCNN", "PixelCNNState"]

import dataclasses
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.causal import MaskedConv2d
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.causal_steps import Head, RasterSteps, matrix


class ResidualLayer(Recorded):
    """One residual block: ``h' = h + widen(relu(conv(relu(narrow(relu(h)))) + context))``, with one masked convolution.

    Args:
        hidden: channels of the masked convolution; ``h`` has twice as many.
        kernel_size: of the masked convolution; odd.
        context_dim: size of the context; 0 for none.
    """

    @checked
    def __init__(self, hidden: int, kernel_size: int, context_dim: int = 0) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(2 * hidden, hidden, 1)
        self.masked = MaskedConv2d(hidden, hidden, kernel_size, "raster", "B")
        self.widen = nn.Conv2d(hidden, 2 * hidden, 1)
        self.context = nn.Linear(context_dim, hidden, bias=False) if context_dim else None

    def forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        """The next features ``[N, 2 * hidden, H, W]``.

        Args:
            x: ``[N, 2 * hidden, H, W]``.
            context: ``[N, context_dim]``, or None.
        """
        features = self.masked(self.narrow(x.relu()).relu())
        if self.context is not None and context is not None:
            features = features + self.context(context)[..., None, None]
        return x + self.widen(features.relu())


class ResidualSteps:
    """One residual block a pixel at a time.

    Args:
        layer: the block.
        width: of the images.
        size: how many images.
        context: ``[size, context_dim]``, or None.
    """

    def __init__(self, layer: ResidualLayer, width: int, size: int, context: Tensor | None) -> None:
        self.masked = RasterSteps(layer.masked.band(width, size), layer.masked.line(width, size))
        if layer.context is not None and context is not None:
            self.masked.band.bias = self.masked.band.bias + layer.context(context).mT
        self.narrow, self.widen = matrix(layer.narrow), matrix(layer.widen)

    def advance(self, column: int, signal: Tensor) -> Tensor:
        """A pixel of the next features ``[2 * hidden, size]``.

        Args:
            column: of the pixel.
            signal: the pixel of these, ``[2 * hidden, size]``.
        """
        self.masked.put(column, torch.addmm(*self.narrow, signal.relu()).relu_())
        return torch.addmm(*self.widen, self.masked.read(column).relu_()) + signal


@dataclasses.dataclass
class PixelCNNState:
    """What a PixelCNN remembers on its way through images: nothing that is in here is computed a second time.

    Args:
        first: the convolution that reads the image, and the pixels that it reads.
        layers: that of each block, and the features that it reads.
        head: the last layers.
    """

    first: RasterSteps
    layers: list[ResidualSteps]
    head: Head


class PixelCNN(CausalImageNetwork):
    """A causal network over images: the parameters of pixel i read some of the pixels 0 .. i-1 in raster order.

    One convolution with mask A reads the image, residual blocks with mask B follow. Each mask hides what lies to the
    right in a pixel's own row, so that the way back through the layers leads to the right only where it climbs, half a
    kernel a row. There is a *blind spot*: what lies further to the right than that is not read, however many layers
    there are. :class:`GatedPixelCNN` has none; this one is the simplest of the family.

    References: A. van den Oord et al., "Pixel recurrent neural networks", 2016 (arXiv 1601.06759); P. Ramachandran et
    al., "Fast generation for convolutional autoregressive models", 2017 (arXiv 1704.06001).

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        hidden: channels of the masked convolution of each block; between blocks there are twice as many.
        num_layers: residual blocks after the first masked convolution.
        kernel_size: of the blocks; odd.
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
        What the pixel in row 3 and column 2 reads, by gradients: above, one more pixel to the right a row.

        >>> _ = torch.manual_seed(0)
        >>> network = PixelCNN((1, 4, 7), hidden=8, num_layers=3, kernel_size=3, first_kernel_size=3)
        >>> x = torch.rand(1, 4, 7, requires_grad=True)
        >>> network(x)[0, 3, 2].backward()
        >>> (x.grad[0] != 0).int().tolist()
        [[1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0]]
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 7,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float = 1.0,
    ) -> None:
        super().__init__(x_shape, context_dim, num_parameters, highest)
        self.first = MaskedConv2d(self.channels, 2 * hidden, first_kernel_size, "raster", "A")
        self.layers = nn.ModuleList(ResidualLayer(hidden, kernel_size, context_dim) for _ in range(num_layers))
        last = nn.Conv2d(2 * hidden, 2 * hidden, 1), nn.ReLU(), nn.Conv2d(2 * hidden, num_parameters, 1)
        self.head = nn.Sequential(nn.ReLU(), *last)

    def _of_pixels(self, x: Tensor, context: Tensor | None) -> Tensor:
        features = self.first(x)
        for layer in self.layers:
            features = layer(features, context)
        return self.head(features)

    @torch.no_grad()
    def start(self, size: int, context: Tensor | None = None) -> PixelCNNState:
        """The state before the first pixel, with all weights as matrices; no gradient passes through steps.

        Args:
            size: how many images are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit((self.channels, *self.bias.shape[1:]), context)
        width = self.bias.shape[-1]
        layers = cast("list[ResidualLayer]", list(self.layers))
        return PixelCNNState(
            first=RasterSteps(self.first.band(width, size), self.first.line(width, size)),
            layers=[ResidualSteps(layer, width, size, context) for layer in layers],
            head=Head(self.head, self.bias),
        )

    def step(self, state: PixelCNNState, previous: Tensor, position: int) -> tuple[Tensor, PixelCNNState]:
        """The parameters ``[size, num_parameters]`` of the next pixel, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the pixel before this one; not read at position 0.
            position: of the pixel, in raster order.
        """
        column = position % self.bias.shape[-1]
        if position > 0:
            state.first.put(column - 1, self._signed(previous).mT)
        if column == 0:
            for masked in (state.first, *(layer.masked for layer in state.layers)):
                masked.start_row()
        signal = state.first.read(column)
        for layer in state.layers:
            signal = layer.advance(column, signal)
        return state.head.read(position, signal), state
