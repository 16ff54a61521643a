"""An LSTM over the lines of an image, all cells of a line at once: rows, or anti-diagonals."""

from __future__ import annotations

__all__ = ["Line", "LineLSTM", "cell_step", "lstm_over_lines"]

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ppgen.arguments import Recorded


@dataclasses.dataclass(frozen=True)
class Line:
    """Cells that are computed together, since none of them reads another.

    Args:
        cells: where they lie among the cells of the image, counted in raster order.
        first: the place of the first cell; the cells of a line have places one after the other.
        last: the place behind the last cell.
    """

    cells: slice
    first: int
    last: int


def cell_step(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One step of LSTM cells, each by itself: ``c' = f c + i g,  h' = o tanh(c')``.

    Args:
        gates: ``[..., 4 * hidden]``: i, f, o and g before their nonlinearities, and, written over, after them.
        memory: ``[..., hidden]``, c.

    Returns:
        ``(h', c', tanh(c'))``.

    Example:
        >>> hidden, memory, _ = cell_step(torch.zeros(2, 12), torch.ones(2, 3))
        >>> memory.unique().tolist()
        [0.5]
    """
    # tanh(x) = 2 sigmoid(2x) - 1, of which a processor computes the right side several times faster.
    candidate = gates[..., 3 * memory.shape[-1] :].mul_(2.0)
    gates.sigmoid_()
    candidate.mul_(2.0).sub_(1.0)
    enter, keep, leave, candidate = gates.split(memory.shape[-1], -1)
    memory = torch.addcmul(keep * memory, enter, candidate)
    squashed = (2.0 * memory).sigmoid_().mul_(2.0).sub_(1.0)
    return leave * squashed, memory, squashed


def lstm_over_lines(gates: Tensor, weight: Tensor, lines: Sequence[Line], before: int) -> Tensor:
    """Hidden states of all cells of an image, line by line.

    A cell at place p reads the hidden states of the line before at the places from ``p - before`` on, as many as the
    weight has taps (a convolution along the line), and the memory of the line before at place p. What is not there is
    zero.

    The gradient is written out: what is left to do one line after the other is two matrix products and a few passes
    over the line's cells, where automatic differentiation takes more than twice the time.

    Args:
        gates: ``[cells, size, 4 * hidden]``: what the inputs of the cells contribute to their gates.
        weight: ``[taps * hidden, 4 * hidden]``, from the states of the line before to the gates.
        lines: one after the other; each cell is on one of them. The first place never falls from line to line, and a
            place that a line does not have is read by no line but the next.
        before: how many of the taps lie before the cell's own place.

    Returns:
        ``[cells, size, hidden]``.

    Example:
        >>> rows = [Line(slice(3 * row, 3 * row + 3), 0, 3) for row in range(2)]
        >>> lstm_over_lines(torch.zeros(6, 1, 8), torch.zeros(6, 8), rows, before=1).shape
        torch.Size([6, 1, 2])
    """
    found: Tensor = _OverLines.apply(gates, weight, lines, before)
    return found


class _OverLines(torch.autograd.Function):
    """``lstm_over_lines`` with its gradient."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight: Tensor, lines: Sequence[Line], before: int) -> Tensor:
        (cells, size, _), hidden = gates.shape, gates.shape[-1] // 4
        taps, places = len(weight) // hidden, max(line.last for line in lines)
        # Zeros around the line, so that taps beyond its ends need no case of their own.
        states = gates.new_zeros(places + taps - 1, size, hidden)
        memories, found, kept = gates.new_zeros(places, size, hidden), gates.new_empty(cells, size, hidden), []
        for line in lines:
            windows = torch.cat([states[line.first + tap : line.last + tap] for tap in range(taps)], -1).flatten(0, 1)
            memory = memories[line.first : line.last].flatten(0, 1).clone()
            activations = torch.addmm(gates[line.cells].flatten(0, 1), windows, weight)
            state, new, squashed = cell_step(activations, memory)
            state = state.unflatten(0, (-1, size))
            states[line.first + before : line.last + before] = found[line.cells] = state
            memories[line.first : line.last] = new.unflatten(0, (-1, size))
            kept += [windows, memory, activations, squashed]
        ctx.save_for_backward(weight, *kept)
        ctx.lines, ctx.before, ctx.places = lines, before, places
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        weight, *kept = ctx.saved_tensors
        (cells, size, hidden), taps = grad.shape, len(weight) // grad.shape[-1]
        of_gates, of_weight = grad.new_empty(cells, size, 4 * hidden), torch.zeros_like(weight)
        of_states = grad.new_zeros(ctx.places + taps - 1, size, hidden)
        of_memories = grad.new_zeros(ctx.places, size, hidden)
        for number, line in reversed(list(enumerate(ctx.lines))):
            windows, memory, activations, squashed = kept[4 * number : 4 * number + 4]
            enter, keep, leave, candidate = activations.split(hidden, -1)
            own = slice(line.first + ctx.before, line.last + ctx.before)
            of_state = (grad[line.cells] + of_states[own]).flatten(0, 1)
            of_memory = of_memories[line.first : line.last].flatten(0, 1)
            of_memory += torch.ops.aten.tanh_backward(of_state * leave, squashed)
            inner = torch.empty_like(activations)
            for part, (one, other) in zip(
                inner.split(hidden, -1),
                ((of_memory, candidate), (of_memory, memory), (of_state, squashed), (of_memory, enter)),
                strict=True,
            ):
                torch.mul(one, other, out=part)
            of_memory *= keep
            opened, of_opened = activations[:, : 3 * hidden], inner[:, : 3 * hidden]
            torch.ops.aten.sigmoid_backward.grad_input(of_opened, opened, grad_input=of_opened)
            of_candidate = inner[:, 3 * hidden :]
            torch.ops.aten.tanh_backward.grad_input(of_candidate, candidate, grad_input=of_candidate)
            of_gates[line.cells] = inner.unflatten(0, (-1, size))
            of_weight.addmm_(windows.t(), inner)
            of_windows = torch.mm(inner, weight.t()).unflatten(0, (-1, size))
            of_states.zero_()
            for tap, of_window in enumerate(of_windows.split(hidden, -1)):
                of_states[line.first + tap : line.last + tap] += of_window
        return of_gates, of_weight, None, None


class LineLSTM(Recorded):
    """The weights of an LSTM over lines: from inputs, from the line before, and from a context to the gates.

    Args:
        in_features: of the input of a cell.
        hidden: size of a state.
        taps: how many states of the line before a cell reads.
        context_dim: size of the context; 0 for none.

    Example:
        >>> rows = [Line(slice(3 * row, 3 * row + 3), 0, 3) for row in range(2)]
        >>> LineLSTM(5, hidden=4, taps=3)(torch.zeros(6, 1, 5), None, rows, before=1).shape
        torch.Size([6, 1, 4])
    """

    def __init__(self, in_features: int, hidden: int, taps: int, context_dim: int = 0) -> None:
        super().__init__()
        self.inputs = nn.Linear(in_features, 4 * hidden)
        self.states = nn.Linear(taps * hidden, 4 * hidden, bias=False)
        self.context = nn.Linear(context_dim, 4 * hidden, bias=False) if context_dim else None

    def forward(self, x: Tensor, context: Tensor | None, lines: Sequence[Line], before: int) -> Tensor:
        """Hidden states ``[cells, size, hidden]``.

        Args:
            x: ``[cells, size, in_features]``.
            context: ``[size, context_dim]``, or None.
            lines: as ``lstm_over_lines`` takes them.
            before: how many of the taps lie before the cell's own place.
        """
        gates = self.inputs(x) if self.context is None else self.inputs(x) + self.context(context)
        return lstm_over_lines(gates, self.states.weight.t(), lines, before)

    def offset(self, size: int, context: Tensor | None) -> Tensor:
        """What reaches the gates of every cell, whatever has been drawn, ``[size, 4 * hidden]``.

        Args:
            size: how many images there are.
            context: ``[size, context_dim]``, or None.
        """
        bias = self.inputs.bias.expand(size, -1)
        return bias if self.context is None else bias + self.context(context)
