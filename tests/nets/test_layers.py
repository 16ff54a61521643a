"""Small networks over vectors: perceptrons, residual blocks, Gaussian heads, learned stand-ins for data."""

from __future__ import annotations

import torch
from torch import nn

from ppgen.nets import MLP, GatedMLP, Gaussian, PseudoInputs, ResidualBlock
from ppgen.nets.layers import SMALLEST_SCALE


def test_computes_affine_maps_with_activations_between_them():
    torch.manual_seed(0)
    network = MLP(3, 2, hidden=(5,), activation=nn.Tanh)
    x = torch.randn(4, 3)
    first, last = network[0], network[2]
    expected = (x @ first.weight.T + first.bias).tanh() @ last.weight.T + last.bias
    torch.testing.assert_close(network(x), expected)


def test_without_hidden_layers_is_one_affine_map():
    network = MLP(3, 2, hidden=())
    assert len(network) == 1
    assert isinstance(network[0], nn.Linear)


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


def test_scale_never_collapses():
    net = Gaussian(nn.Identity(), 1, 1)
    assert (net(torch.tensor([[-1e6], [1e6]])).stddev >= SMALLEST_SCALE).all()


def test_values_lie_between_those_of_binary_data():
    u = PseudoInputs(5, (1, 4, 4))()
    assert u.shape == (5, 1, 4, 4)
    assert ((u > 0) & (u < 1)).all()


def test_starts_near_data_and_can_move_on():
    net, x = PseudoInputs(5, (3,)), torch.rand(5, 3).round()
    net.start_at(x)
    torch.testing.assert_close(net(), 0.05 + 0.9 * x)
    net().sum().backward()
    assert (net.logits.grad > 0.04).all(), "a sigmoid that is not saturated"
