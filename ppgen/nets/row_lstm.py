"""The Row LSTM: an image row by row, each pixel told by a triangle of the pixels above it."""

from __future__ import annotations

__all__ = ["RowLSTM", "RowState"]

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.checked import checked
from ppgen.nets.line_lstm import Line, LineLSTM, cell_step
from ppgen.nets.pixel_rnn import PixelRNN, RecurrentLayer, must_be_odd


class RowLSTM(PixelRNN):
    """A causal network over images: LSTMs that run from the top row down, all pixels of a row at once.

    In each layer the gates of pixel (i, j) are the sum of

    - *input-to-state*: a convolution along row i of the layer's input, masked (B) to pixel j and those to its left;
    - *state-to-state*: a convolution, without a mask, of the hidden states of row i - 1: all of that row is known.

    The memory comes from the pixel above. What a pixel sees is a **triangle** with its tip at the pixel: a row up, the
    convolution of states reaches ``b = kernel_size // 2`` columns further on both sides. With ``a`` for
    ``first_kernel_size // 2``, r rows up, pixel (i, j) sees the columns from ``j - a - b (num_layers + r)`` to
    ``j + max(a + b (r - 1), b r - 1)``, and in its own row those from ``j - a - b num_layers`` to ``j - 1``. What lies
    above, but beyond those columns, it does not see; :class:`~ppgen.nets.DiagonalBiLSTM` sees all.

    Layers are residual, with 2 * hidden features between them. In a draw, the state-to-state part is computed once a
    row and the rest once a pixel, so that an image costs about as much as one pass.

    Reference: A. van den Oord, N. Kalchbrenner and K. Kavukcuoglu, "Pixel recurrent neural networks", 2016 (arXiv
    1601.06759), section 3.1.

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        hidden: size of a pixel's LSTM state.
        num_layers: of LSTMs.
        kernel_size: of both convolutions of a layer; odd.
        first_kernel_size: of the masked (A) convolution that reads the image; odd, 3 or more.
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
        >>> RowLSTM((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 2,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float = 1.0,
    ) -> None:
        must_be_odd("RowLSTM: kernel_size", kernel_size)
        layers = [RowLayer(hidden, kernel_size, context_dim) for _ in range(num_layers)]
        super().__init__(x_shape, layers, 2 * hidden, first_kernel_size, context_dim, num_parameters, highest)


@dataclasses.dataclass
class RowState:
    """What a layer remembers of the row above, and of its own so far.

    Args:
        offset: to all gates, ``[size, 4 * hidden]``.
        above: what the gates of this row get from the row above, ``[width, size, 4 * hidden]``.
        inputs: the layer's input in this row, behind ``reach`` zeros, ``[size, reach + width, features]``.
        states: hidden, of this row so far and of the row above from there on, between ``reach`` zeros on either side,
            ``[reach + width + reach, size, hidden]``.
        memories: likewise, ``[width, size, hidden]``.
        input_weight: ``[(reach + 1) * features, 4 * hidden]``.
        state_weight: ``[kernel_size * hidden, 4 * hidden]``.
        up_weight: ``[hidden, features]``.
    """

    offset: Tensor
    above: Tensor
    inputs: Tensor
    states: Tensor
    memories: Tensor
    input_weight: Tensor
    state_weight: Tensor
    up_weight: Tensor


class RowLayer(RecurrentLayer):
    """``x + up(h)``, h the states of an LSTM over rows.

    Args:
        hidden: size of a state; the layer has twice as many features.
        kernel_size: of both convolutions; odd.
        context_dim: size of the context; 0 for none.
    """

    def __init__(self, hidden: int, kernel_size: int, context_dim: int = 0) -> None:
        super().__init__()
        self.hidden, self.reach = hidden, kernel_size // 2
        self.lstm = LineLSTM((self.reach + 1) * 2 * hidden, hidden, kernel_size, context_dim)
        self.up = nn.Linear(hidden, 2 * hidden)

    def forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        """All rows ``[height, width, size, 2 * hidden]``.

        Args:
            x: ``[height, width, size, 2 * hidden]``.
            context: ``[size, context_dim]``, or None.
        """
        height, width = x.shape[:2]
        padded = functional.pad(x, (0, 0, 0, 0, self.reach, 0))
        seen = torch.cat([padded[:, tap : tap + width] for tap in range(self.reach + 1)], -1).flatten(0, 1)
        rows = [Line(slice(row * width, (row + 1) * width), 0, width) for row in range(height)]
        return x + self.up(self.lstm(seen, context, rows, self.reach)).unflatten(0, (height, width))

    def start(self, size: int, width: int, context: Tensor | None) -> RowState:
        """Zeros above the first row.

        Args:
            size: how many images are walked through together.
            width: of the images.
            context: ``[size, context_dim]``, or None.
        """
        offset, new = self.lstm.offset(size, context), self.up.weight.new_zeros
        return RowState(
            offset=offset,
            above=offset.expand(width, -1, -1),
            inputs=new(size, self.reach + width, 2 * self.hidden),
            states=new(width + 2 * self.reach, size, self.hidden),
            memories=new(width, size, self.hidden),
            input_weight=self.lstm.inputs.weight.t().contiguous(),
            state_weight=self.lstm.states.weight.t().contiguous(),
            up_weight=self.up.weight.t().contiguous(),
        )

    def start_row(self, state: RowState) -> None:
        """The state-to-state part of all gates of the row.

        Args:
            state: from ``start``; it is written into.
        """
        width, size, _ = state.memories.shape
        taps = [state.states[tap : tap + width] for tap in range(2 * self.reach + 1)]
        state.above = state.offset + (torch.cat(taps, -1).flatten(0, 1) @ state.state_weight).unflatten(
            0, (width, size)
        )

    def pixel(self, state: RowState, x: Tensor, column: int) -> Tensor:
        """One pixel ``[size, 2 * hidden]``.

        Args:
            state: from ``start``; it is written into.
            x: ``[size, 2 * hidden]``.
            column: of the pixel.
        """
        state.inputs[:, column + self.reach] = x
        seen = state.inputs[:, column : column + self.reach + 1].flatten(1)
        gates = torch.addmm(state.above[column], seen, state.input_weight)
        hidden, state.memories[column], _ = cell_step(gates, state.memories[column])
        state.states[column + self.reach] = hidden
        return torch.addmm(self.up.bias, hidden, state.up_weight).add_(x)
