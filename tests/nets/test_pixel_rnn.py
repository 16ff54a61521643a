"""Row LSTM and Diagonal BiLSTM: what a pixel sees, and that a walk gives what a pass gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ppgen.distributions import Autoregressive
from ppgen.errors import SettingError
from ppgen.nets import DiagonalBiLSTM, RowLSTM
from ppgen.nets.pixel_rnn import PixelRNN

both = pytest.mark.parametrize("kind", [RowLSTM, DiagonalBiLSTM])


def randomised(network: PixelRNN) -> PixelRNN:
    """Weights large enough that no dependence hides behind a small number."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return network.double()


def seen(network: PixelRNN, x: Tensor, context: Tensor | None = None) -> Tensor:
    """``[pixels, pixels]``: whether the parameters of a pixel (row) depend on another pixel (column)."""
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, context), x)
    pixels = x.shape[-2] * x.shape[-1]
    return jacobian.reshape(-1, pixels, len(x), pixels).abs().sum((0, 2)) != 0


@pytest.mark.parametrize("size", [(4, 4), (4, 7), (6, 1), (1, 6)])
@pytest.mark.parametrize(("num_layers", "context_dim"), [(1, 0), (2, 3)])
def test_a_pixel_of_a_diagonal_bilstm_sees_all_pixels_before_it_and_no_other(size, num_layers, context_dim):
    network = randomised(DiagonalBiLSTM((1, *size), 10, num_layers, first_kernel_size=3, context_dim=context_dim))
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    pixels = size[0] * size[1]
    assert torch.equal(seen(network, torch.rand(1, *size).double(), context), torch.ones(pixels, pixels).tril(-1) != 0)


@pytest.mark.parametrize(
    ("num_layers", "kernel_size", "first"), [(1, 3, 3), (2, 3, 7), (1, 5, 3), (2, 1, 3), (1, 7, 3)]
)
def test_a_pixel_of_a_row_lstm_sees_a_triangle(num_layers, kernel_size, first):
    height, width = 5, 15
    network = randomised(RowLSTM((1, height, width), 10, num_layers, kernel_size, first))
    found = seen(network, torch.rand(1, height, width).double()).reshape(height, width, height, width)
    a, b = first // 2, kernel_size // 2
    for row, column in [(0, 7), (1, 0), (4, 7), (4, 0), (4, 14), (3, 10)]:
        expected = torch.zeros(height, width, dtype=torch.bool)
        expected[row, max(0, column - a - b * num_layers) : column] = True
        for up in range(1, row + 1):
            left, right = column - a - b * (num_layers + up), column + max(a + b * (up - 1), b * up - 1)
            expected[row - up, max(0, left) : right + 1] = True
        assert torch.equal(found[row, column], expected), (row, column)


@both
@pytest.mark.parametrize(("shape", "context_dim", "count"), [((1, 5, 7), 0, 1), ((2, 4, 3), 3, 4), ((1, 3, 1), 0, 2)])
def test_pixel_by_pixel_equals_all_at_once(kind, shape, context_dim, count):
    network = randomised(kind(shape, 4, 3, context_dim=context_dim, num_parameters=count, highest=3))
    x = (torch.rand(6, *shape, dtype=torch.float64) * 3).round()
    context = torch.randn(6, context_dim, dtype=torch.float64) if context_dim else None
    with torch.no_grad():
        expected, values = network(x, context).flatten(2), x.flatten(2)
        state, previous = network.start(6, context), torch.zeros(6, shape[0], dtype=torch.float64)
        for position in range(expected.shape[-1]):
            parameters, state = network.step(state, previous, position)
            assert parameters.shape == (6, count)
            torch.testing.assert_close(parameters, expected[..., position], rtol=1e-12, atol=1e-12)
            previous = values[..., position]


@both
def test_draws_are_those_of_a_pass_for_each_pixel(kind):
    shape = (1, 6, 5)
    network = randomised(kind(shape, 4, 2))
    drawn = []
    for each in (network, WithoutSteps(network)):
        torch.manual_seed(3)
        drawn.append(Autoregressive(each, shape).sample((20,)))
    assert torch.equal(*drawn)
    assert len(drawn[0].unique(dim=0)) == 20


class WithoutSteps(nn.Module):
    """A network that is sampled by a whole pass for each pixel."""

    def __init__(self, network: PixelRNN) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


@both
def test_two_walks_by_turns_are_what_each_is_by_itself(kind):
    network = randomised(kind((1, 3, 3), 4, 2))
    x = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]])
    x = x.double()
    expected = network(x.reshape(2, 1, 3, 3)).flatten(2)
    states = [network.start(1), network.start(1)]
    for position in range(9):
        for walk in range(2):
            previous = x[walk, max(0, position - 1)].reshape(1, 1)
            parameters, states[walk] = network.step(states[walk], previous, position)
            torch.testing.assert_close(parameters[0], expected[walk, :, position])


@both
def test_a_context_reaches_every_pixel_and_broadcasts(kind):
    network = randomised(kind((1, 4, 4), 4, 2, context_dim=3))
    x = torch.zeros(5, 1, 4, 4, dtype=torch.float64)
    one, other = torch.randn(2, 3, dtype=torch.float64)
    assert (network(x, one) != network(x, other)).all()
    torch.testing.assert_close(network(x, one), network(x, one.expand(5, 3)))


@both
@pytest.mark.parametrize(("size", "fix"), [(4, "5"), (1, "3")])
def test_a_first_kernel_that_sees_nothing_or_has_no_centre_is_refused(kind, size, fix):
    with pytest.raises(SettingError, match="first_kernel_size") as caught:
        kind((1, 4, 4), first_kernel_size=size)
    assert caught.value.fix == f"first_kernel_size={fix}"


def test_a_kernel_of_rows_has_a_centre():
    with pytest.raises(SettingError, match="RowLSTM: kernel_size") as caught:
        RowLSTM((1, 4, 4), kernel_size=2)
    assert caught.value.fix == "kernel_size=3"
