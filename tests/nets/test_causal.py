"""Causal convolutions: layers that see only what comes earlier in raster order."""

from __future__ import annotations

import pytest
import torch

from ppgen.errors import SettingError
from ppgen.nets import MaskedConv2d
from ppgen.nets.causal import GatedLayer

SIZE = 5


def reads(convolution: MaskedConv2d, row: int, column: int) -> set[tuple[int, int]]:
    """Where the gradient of one output pixel is not zero."""
    x = torch.zeros(1, 1, SIZE, SIZE, requires_grad=True)
    convolution(x)[0, :, row, column].sum().backward()
    return {(int(i), int(j)) for i, j in x.grad[0, 0].nonzero()}


@pytest.mark.parametrize(("row", "column"), [(2, 2), (0, 0), (4, 1)])
@pytest.mark.parametrize("kind", ["A", "B"])
def test_vertical_stack_reads_rows_above(kind, row, column):
    last = row if kind == "B" else row - 1
    near = {(i, j) for i in range(row - 1, last + 1) for j in (column - 1, column, column + 1)}
    expected = {(i, j) for i, j in near if 0 <= i < SIZE and 0 <= j < SIZE}
    assert reads(MaskedConv2d(1, 2, 3, "vertical", kind), row, column) == expected


@pytest.mark.parametrize(("row", "column"), [(2, 2), (0, 0), (4, 1)])
@pytest.mark.parametrize("kind", ["A", "B"])
def test_horizontal_stack_reads_the_left(kind, row, column):
    last = column if kind == "B" else column - 1
    expected = {(row, j) for j in range(max(column - 1, 0), last + 1)}
    assert reads(MaskedConv2d(1, 2, 3, "horizontal", kind), row, column) == expected


@pytest.mark.parametrize(("row", "column"), [(2, 2), (0, 0), (4, 1)])
@pytest.mark.parametrize("kind", ["A", "B"])
def test_one_raster_stack_reads_both_and_nothing_after(kind, row, column):
    near = {(row - 1, j) for j in (column - 1, column, column + 1)} | {(row, column - 1)}
    expected = {(i, j) for i, j in near | ({(row, column)} if kind == "B" else set()) if i >= 0 and 0 <= j < SIZE}
    assert reads(MaskedConv2d(1, 2, 3, "raster", kind), row, column) == expected


@pytest.mark.parametrize("stack", ["vertical", "horizontal", "raster"])
def test_calls_never_change_the_weights_and_training_never_defeats_the_mask(stack):
    torch.manual_seed(0)
    convolution = MaskedConv2d(1, 2, 3, stack, "A")
    before = reads(convolution, 2, 2)
    weight = convolution.weight.detach().clone()
    optimizer = torch.optim.Adam(convolution.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(4):
        convolution(torch.randn(3, 1, SIZE, SIZE))
    assert torch.equal(convolution.weight, weight)
    for _ in range(4):
        optimizer.zero_grad()
        convolution(torch.randn(3, 1, SIZE, SIZE)).square().sum().backward()
        optimizer.step()
    assert not torch.equal(convolution.weight, weight)
    assert reads(convolution, 2, 2) == before


def test_the_mask_travels_with_the_state():
    assert set(MaskedConv2d(1, 2, 3, "vertical", "A").state_dict()) == {"weight", "bias", "mask"}


@pytest.mark.parametrize("stack", ["vertical", "horizontal", "raster"])
@pytest.mark.parametrize("kind", ["A", "B"])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_rows_and_pixels_as_matrix_products_equal_the_whole(stack, kind, kernel_size):
    torch.manual_seed(0)
    x = torch.randn(2, 3, SIZE, SIZE + 1)
    convolution = MaskedConv2d(3, 4, kernel_size, stack, kind)
    band, line = convolution.band(SIZE + 1, 2), convolution.line(SIZE + 1, 2)
    rows = x.permute(2, 3, 1, 0)  # [height, width, features, size]
    found = []
    for row in range(SIZE):
        # A vertical kernel of kind B reads the row of the pixel too; any other band ends with the row above.
        band.push(rows[row] if (stack, kind) == ("vertical", "B") else rows[row - 1] * (row > 0))
        message = band.read()
        for column in range(SIZE + 1):
            pixel = line.read(column, message[column]) if kind == "A" else None
            line.put(column, rows[row, column])
            found.append(line.read(column, message[column]) if pixel is None else pixel)
    expected = convolution(x).flatten(2)
    torch.testing.assert_close(torch.stack(found, -1), expected.transpose(0, 1))


def test_an_even_kernel_is_refused():
    with pytest.raises(SettingError, match="no centre") as caught:
        MaskedConv2d(1, 1, 4, "vertical", "A")
    assert caught.value.fix == "kernel_size=5"


def test_computes_the_gated_update_of_both_stacks():
    torch.manual_seed(0)
    layer = GatedLayer(3, kernel_size=3, context_dim=2)
    v, h, context = torch.randn(4, 3, 5, 5), torch.randn(4, 3, 5, 5), torch.randn(4, 2)
    new_v, new_h = layer(v, h, context)

    bias = layer.context(context)[..., None, None]
    features_v = layer.vertical(v)
    a, b = (features_v + bias[:, :6]).chunk(2, 1)
    torch.testing.assert_close(new_v, a.tanh() * b.sigmoid())
    a, b = (layer.horizontal(h) + layer.down(features_v) + bias[:, 6:]).chunk(2, 1)
    torch.testing.assert_close(new_h, h + layer.mix(a.tanh() * b.sigmoid()))


def test_without_context_has_no_parameters_for_it():
    assert GatedLayer(3, 3).context is None
