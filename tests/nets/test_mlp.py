from __future__ import annotations

import pytest
import torch
from torch import nn

from ppgen.nets import MLP


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


@pytest.mark.parametrize("batch", [(), (6,), (2, 3)])
def test_keeps_batch_dimensions(batch):
    assert MLP(3, 2)(torch.zeros(*batch, 3)).shape == (*batch, 2)
