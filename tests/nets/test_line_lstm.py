"""The LSTM over lines against one that is written cell by cell, and differentiated by torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ppgen.nets.diagonal_bilstm import diagonals
from ppgen.nets.line_lstm import Line, LineLSTM, cell_step, lstm_over_lines

HEIGHT, WIDTH, SIZE, HIDDEN = 3, 4, 2, 2
ROWS = [Line(slice(row * WIDTH, (row + 1) * WIDTH), 0, WIDTH) for row in range(HEIGHT)]
# How a cell (row, column) finds what it reads: its own memory's cell first, then the cell of each tap.
WALKS = {
    "rows": (ROWS, 1, [(-1, 0), (-1, -1), (-1, 0), (-1, 1)]),
    "rows, five taps": (ROWS, 2, [(-1, 0), (-1, -2), (-1, -1), (-1, 0), (-1, 1), (-1, 2)]),
    "rows, one tap": (ROWS, 0, [(-1, 0), (-1, 0)]),
    "diagonals": (diagonals(HEIGHT, WIDTH), 1, [(0, -1), (-1, 0), (0, -1)]),
    "diagonals from the right": (diagonals(HEIGHT, WIDTH, from_right=True), 1, [(0, 1), (-1, 0), (0, 1)]),
}


def cell_by_cell(gates: Tensor, weight: Tensor, name: str) -> Tensor:
    lines, _, reads = WALKS[name]
    hidden: dict[tuple[int, int], Tensor] = {}
    memory: dict[tuple[int, int], Tensor] = {}
    zero = gates.new_zeros(SIZE, HIDDEN)
    for cell in [cell for line in lines for cell in range(HEIGHT * WIDTH)[line.cells]]:
        here = divmod(cell, WIDTH)
        own, *taps = [(here[0] + down, here[1] + right) for down, right in reads]
        enter, keep, leave, candidate = (
            gates[cell] + torch.cat([hidden.get(tap, zero) for tap in taps], -1) @ weight
        ).chunk(4, -1)
        memory[here] = keep.sigmoid() * memory.get(own, zero) + enter.sigmoid() * candidate.tanh()
        hidden[here] = leave.sigmoid() * memory[here].tanh()
    return torch.stack([hidden[divmod(cell, WIDTH)] for cell in range(HEIGHT * WIDTH)])


@pytest.mark.parametrize("name", WALKS)
def test_values_and_gradients_are_those_of_cells_one_by_one(name):
    lines, before, (_, *taps) = WALKS[name]
    torch.manual_seed(0)
    gates = torch.randn(HEIGHT * WIDTH, SIZE, 4 * HIDDEN, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(len(taps) * HIDDEN, 4 * HIDDEN, dtype=torch.float64, requires_grad=True)
    found, expected = lstm_over_lines(gates, weight, lines, before), cell_by_cell(gates, weight, name)
    torch.testing.assert_close(found, expected)
    ahead = torch.randn_like(found)
    gradients = (torch.autograd.grad(value, (gates, weight), ahead) for value in (found, expected))
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_cell_is_that_of_torch():
    torch.manual_seed(0)
    cell, x = nn.LSTMCell(3, 5).double(), torch.randn(4, 3, dtype=torch.float64)
    state, memory = torch.randn(2, 4, 5, dtype=torch.float64)
    gates = x @ cell.weight_ih.T + cell.bias_ih + state @ cell.weight_hh.T + cell.bias_hh
    enter, keep, candidate, leave = gates.detach().chunk(4, -1)
    found = cell_step(torch.cat([enter, keep, leave, candidate], -1), memory)[:2]
    for mine, theirs in zip(found, cell(x, (state, memory)), strict=True):
        torch.testing.assert_close(mine, theirs.detach())


@pytest.mark.parametrize("height", range(1, 5))
@pytest.mark.parametrize("width", range(1, 5))
@pytest.mark.parametrize("from_right", [False, True])
def test_every_cell_is_on_one_diagonal_after_those_it_reads(height, width, from_right):
    when = {}
    for number, line in enumerate(diagonals(height, width, from_right)):
        cells = range(height * width)[line.cells]
        assert [cell // width for cell in cells] == list(range(line.first, line.last))
        when |= {divmod(cell, width): number for cell in cells}
    assert len(when) == height * width
    beside = 1 if from_right else -1
    for (row, column), number in when.items():
        assert all(when.get(read, number - 1) == number - 1 for read in ((row - 1, column), (row, column + beside)))


def test_a_context_moves_every_gate():
    torch.manual_seed(0)
    lstm, x = LineLSTM(3, HIDDEN, 3, context_dim=2), torch.randn(HEIGHT * WIDTH, SIZE, 3)
    context = torch.randn(SIZE, 2)
    assert lstm.context is not None
    with torch.no_grad():
        expected = lstm_over_lines(lstm.inputs(x) + lstm.context(context), lstm.states.weight.T, ROWS, 1)
        torch.testing.assert_close(lstm(x, context, ROWS, 1), expected)
        torch.testing.assert_close(lstm.offset(SIZE, context), lstm.inputs.bias + lstm.context(context))
