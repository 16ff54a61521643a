"""Building blocks of networks, and functions that shape their inputs."""

from __future__ import annotations

import pyro
import pytest
import torch
from torch import nn

from ppgen.errors import DataError
from ppgen.nets import MLP, GatedMLP, Gaussian, PseudoInputs, ResidualBlock, join, one_hot, over_batch
from ppgen.nets.layers import SMALLEST_SCALE


def test_computes_affine_maps_with_activations_between_them():
    torch.manual_seed(0)
    network = MLP(3, 2, hidden=(5,), activation=nn.Tanh)
    x = torch.randn(4, 3)
    first, last = network[0], network[2]
    expected = (x @ first.weight.T + first.bias).tanh() @ last.weight.T + last.bias
    torch.testing.assert_close(network(x), expected)
    assert [type(part) for part in MLP(3, 2, hidden=())] == [nn.Linear]


def test_layers_are_values_times_gates():
    net = GatedMLP([(3,)], hidden=(4,)).double()
    x = torch.randn(5, 3).double()
    values, gates = (x @ net.layers[0].weight.T + net.layers[0].bias).chunk(2, -1)
    torch.testing.assert_close(net(x), values * gates.sigmoid())


def test_inputs_are_flattened_and_their_batches_broadcast():
    net = GatedMLP([(1, 2, 2), (3,)], hidden=(6, 5)).double()
    x, z = torch.randn(4, 1, 2, 2).double(), torch.randn(7, 4, 3).double()
    out = net(x, z)
    assert out.shape == (7, 4, 5)
    torch.testing.assert_close(out[2, 1], net(x[1], z[2, 1]))


def test_without_its_correction_it_is_the_identity():
    block = ResidualBlock(4, inner=6)
    torch.nn.init.zeros_(block.correction[-1].weight)
    torch.nn.init.zeros_(block.correction[-1].bias)
    h = torch.randn(3, 5, 4)
    assert (block(h) == h).all()


def test_an_output_of_zero_is_the_standard_normal():
    net = Gaussian(nn.Identity(), 3, 2)
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    fn = net(torch.randn(5, 3))
    assert (fn.batch_shape, fn.event_shape) == ((5,), (2,))
    torch.testing.assert_close(fn.mean, torch.zeros(5, 2))
    torch.testing.assert_close(fn.stddev, torch.ones(5, 2), rtol=0, atol=2 * SMALLEST_SCALE)
    low = Gaussian(nn.Identity(), 1, 1)(torch.tensor([[-1e6], [1e6]]))
    assert (low.stddev >= SMALLEST_SCALE).all(), "a scale never collapses"


def test_pseudo_inputs_start_near_data_and_can_move_on():
    net, x = PseudoInputs(5, (3,)), torch.rand(5, 3).round()
    net.start_at(x)
    torch.testing.assert_close(net(), 0.05 + 0.9 * x)
    net().sum().backward()
    assert (net.logits.grad > 0.04).all(), "a sigmoid that is not saturated"


@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (2, 1, 4), (0,), (3, 0)])
def test_gives_what_a_loop_over_events_gives(batch):
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(2, 3, 3)
    x = torch.randn(*batch, 2, 5, 6)
    expected = torch.empty(*batch, 3, 3, 4)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in batch)).reshape(-1, len(batch)) if batch else [()]:
        where = tuple(int(i) for i in index)
        expected[where] = convolution(x[where].unsqueeze(0)).squeeze(0)
    torch.testing.assert_close(over_batch(convolution, x, event_dim=3), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_hot_marks_the_class_in_the_default_dtype(dtype):
    y, previous = torch.tensor([[0, 3], [2, 2]]), torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        assert torch.equal(one_hot(y, 4), torch.eye(4, dtype=dtype)[y])
    finally:
        torch.set_default_dtype(previous)


@pytest.mark.parametrize("wrong", [[0, 10], [-1, 3]])
def test_label_out_of_range_is_named_with_the_fix(wrong):
    with pyro.validation_enabled(True), pytest.raises(DataError, match=r"1 class labels are out of range") as caught:
        one_hot(torch.tensor(wrong), 10)
    assert caught.value.expected == "0 .. 9"
    assert caught.value.got in ("10", "-1")
    assert "num_classes" in caught.value.fix


def test_labels_that_are_not_whole_numbers_are_refused():
    with pytest.raises(DataError, match="not whole numbers") as caught:
        one_hot(torch.tensor([0.0, 1.0]), 10)
    assert "float32" in caught.value.got


def test_join_broadcasts_batch_dimensions():
    torch.manual_seed(0)
    z, y = torch.randn(7, 3, 2), torch.randn(3, 5)
    joined = join(z, y)
    assert joined.shape == (7, 3, 7)
    assert torch.equal(joined[4], torch.cat([z[4], y], -1))
