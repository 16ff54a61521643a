from __future__ import annotations

import torch

from ppgen.nets import GatedMLP


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
