"""The Diagonal BiLSTM: an image by its anti-diagonals, from both sides, each pixel told by all pixels before it."""

from __future__ import annotations

__all__ = ["DiagonalBiLSTM", "DiagonalState"]

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.checked import checked
from ppgen.nets.line_lstm import Line, LineLSTM, cell_step, lstm_over_lines
from ppgen.nets.pixel_rnn import PixelRNN, RecurrentLayer


class DiagonalBiLSTM(PixelRNN):
    """A causal network over images that sees *all* pixels before: LSTMs from the top left and from the top right.

    In each layer

    - the *left* state of pixel (i, j) is that of an LSTM cell that reads the layer's input there and the left states
      of (i, j - 1) and (i - 1, j): it has seen the rectangle above and to the left;
    - the *right* state reads those of (i, j + 1) and (i - 1, j): the rectangle above and to the right. Its own row is
      not known yet when the pixel is drawn, so that the layer reads the right state of the pixel above, (i - 1, j);
    - the layer gives ``x + up(left(i, j) + right(i - 1, j))``: all rows above in full, and the row up to the pixel.

    One pixel would be missing: the input at the last place of row i - 1 knows the pixels before that place, so that no
    right state has heard of the pixel there when row i begins. Layers therefore run over a column more, beyond the
    right border, whose input knows it.

    The cells of an anti-diagonal do not read each other and are computed at once. The paper shifts row i by i columns,
    so that diagonals become columns; here a diagonal is read where it lies, and nothing is computed for the cells that
    such a shift would add.

    In a draw, the left states are computed pixel by pixel, and the right states of a row, from its far end, as soon as
    the row is drawn: every state once, so that an image costs about as much as one pass.

    Reference: A. van den Oord, N. Kalchbrenner and K. Kavukcuoglu, "Pixel recurrent neural networks", 2016 (arXiv
    1601.06759), section 3.2.

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        hidden: size of a pixel's LSTM state, on either side.
        num_layers: of pairs of LSTMs.
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
        >>> DiagonalBiLSTM((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """

    columns_beyond: ClassVar[int] = 1

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 2,
        first_kernel_size: int = 7,
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float = 1.0,
    ) -> None:
        layers = [DiagonalLayer(hidden, context_dim) for _ in range(num_layers)]
        super().__init__(x_shape, layers, 2 * hidden, first_kernel_size, context_dim, num_parameters, highest)


@dataclasses.dataclass
class DiagonalState:
    """What a layer remembers of the row above, and of its own so far.

    Args:
        offsets: to all gates, on the left and on the right, ``[size, 4 * hidden]`` each.
        above: what the gates of the left states of this row get from the row above, ``[width, size, 4 * hidden]``.
        beside: what the layer adds to its input in this row for the right states above, ``[width, size, features]``.
        inputs: the layer's input in this row, ``[width, size, features]``.
        here: what the gates of a left state read at their own place: the input, and the left state of the pixel before,
            ``[size, features + hidden]``.
        memory: of the left state of the pixel before, ``[size, hidden]``.
        left: left states of this row so far and of the row above from there on, ``[width, size, hidden]``.
        right: right states of the row above, and their memories, ``[width, size, hidden]``.
        here_weight: ``[features + hidden, 4 * hidden]``.
        above_weight: ``[hidden, 4 * hidden]``.
        up_weight: ``[hidden, features]``.
    """

    offsets: tuple[Tensor, Tensor]
    above: Tensor
    beside: Tensor
    inputs: Tensor
    here: Tensor
    memory: Tensor
    left: Tensor
    right: Tensor
    here_weight: Tensor
    above_weight: Tensor
    up_weight: Tensor


class DiagonalLayer(RecurrentLayer):
    """``x + up(left + right of the pixel above)``, the states of two LSTMs over anti-diagonals.

    Args:
        hidden: size of a state; the layer has twice as many features.
        context_dim: size of the context; 0 for none.
    """

    def __init__(self, hidden: int, context_dim: int = 0) -> None:
        super().__init__()
        self.hidden = hidden
        # Two taps: the state of the pixel above, and that of the pixel beside.
        self.left, self.right = (LineLSTM(2 * hidden, hidden, 2, context_dim) for _ in range(2))
        self.up = nn.Linear(hidden, 2 * hidden)

    def forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        """All pixels ``[height, width, size, 2 * hidden]``.

        Args:
            x: ``[height, width, size, 2 * hidden]``.
            context: ``[size, context_dim]``, or None.
        """
        height, width = x.shape[:2]
        left = self.left(x.flatten(0, 1), context, diagonals(height, width), 1)
        right = self.right(x.flatten(0, 1), context, diagonals(height, width, from_right=True), 1)
        right = functional.pad(right.unflatten(0, (height, width))[:-1], (0, 0, 0, 0, 0, 0, 1, 0))
        return x + self.up(left.unflatten(0, (height, width)) + right)

    def start(self, size: int, width: int, context: Tensor | None) -> DiagonalState:
        """Zeros above the first row.

        Args:
            size: how many images are walked through together.
            width: of the images.
            context: ``[size, context_dim]``, or None.
        """
        offset, new = self.left.offset(size, context), self.up.weight.new_zeros
        above, beside = self.left.states.weight.t().split(self.hidden)
        return DiagonalState(
            offsets=(offset, self.right.offset(size, context)),
            above=offset.expand(width, -1, -1),
            beside=self.up.bias.expand(width, size, -1),
            inputs=new(width, size, 2 * self.hidden),
            here=new(size, 3 * self.hidden),
            memory=new(size, self.hidden),
            left=new(width, size, self.hidden),
            right=new(width, size, self.hidden),
            here_weight=torch.cat([self.left.inputs.weight.t(), beside]),
            above_weight=above.contiguous(),
            up_weight=self.up.weight.t().contiguous(),
        )

    def start_row(self, state: DiagonalState) -> None:
        """The right states of the row that is known now, and what they and the left ones give to the next row.

        Args:
            state: from ``start``; it is written into.
        """
        width, weight = len(state.inputs), self.right.states.weight
        above, beside = weight.t().split(self.hidden)
        gates = state.inputs @ self.right.inputs.weight.t() + state.offsets[1] + state.right @ above
        backwards = [Line(slice(column, column + 1), 0, 1) for column in reversed(range(width))]
        state.right = lstm_over_lines(gates, beside, backwards, 0)
        state.beside = functional.linear(state.right, self.up.weight, self.up.bias)
        state.above = state.offsets[0] + state.left @ state.above_weight
        state.memory = torch.zeros_like(state.memory)
        state.here[:, 2 * self.hidden :] = 0.0

    def pixel(self, state: DiagonalState, x: Tensor, column: int) -> Tensor:
        """One pixel ``[size, 2 * hidden]``.

        Args:
            state: from ``start``; it is written into.
            x: ``[size, 2 * hidden]``.
            column: of the pixel.
        """
        state.inputs[column] = state.here[:, : 2 * self.hidden] = x
        gates = torch.addmm(state.above[column], state.here, state.here_weight)
        hidden, state.memory, _ = cell_step(gates, state.memory)
        state.left[column] = state.here[:, 2 * self.hidden :] = hidden
        return torch.addmm(state.beside[column], hidden, state.up_weight).add_(x)


def diagonals(height: int, width: int, from_right: bool = False) -> list[Line]:
    """The anti-diagonals of an image, from the top left corner on; or, mirrored, from the top right one.

    A cell's place on its diagonal is its row.

    Args:
        height: of the image.
        width: of the image.
        from_right: mirror the columns.

    Example:
        >>> [list(range(6))[line.cells] for line in diagonals(2, 3)]
        [[0], [1, 3], [2, 4], [5]]
        >>> [list(range(6))[line.cells] for line in diagonals(2, 3, from_right=True)]
        [[2], [1, 5], [0, 4], [3]]
    """
    lines = []
    for number in range(height + width - 1):
        rows = range(max(0, number - width + 1), min(height, number + 1))
        columns = [width - 1 - (number - row) if from_right else number - row for row in rows]
        step = width + 1 if from_right else max(width - 1, 1)
        first = rows[0] * width + columns[0]
        lines.append(Line(slice(first, first + (len(rows) - 1) * step + 1, step), rows[0], rows[-1] + 1))
    return lines
