from __future__ import annotations

import pytest
import torch

from ppgen.nets import ImageDecoder, decoder
from ppgen.nets.encoders import halvings

SHAPES = [(1, 4, 4), (1, 8, 8), (1, 16, 16), (1, 28, 28), (3, 32, 32), (3, 64, 64), (2, 5, 19), (20,), (1,), (), (3, 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_matters_and_every_output_depends_on_z(shape):
    torch.manual_seed(0)
    network = decoder(5, shape)
    z = torch.randn(16, 5)
    out = network(z)
    assert out.shape == (16, *shape)
    assert (out.std(0) > 0).all()
    out.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


def test_hidden_is_in_the_order_of_the_encoder():
    assert decoder(2, (1, 28, 28)).sizes == halvings(28, 28)[::-1]
    network = decoder(2, (1, 28, 28), hidden=(3, 5))
    assert [(m.in_channels, m.out_channels) for m in network.stages] == [(5, 3), (3, 1)]
    layers = [m for m in decoder(2, (9,), hidden=(3, 5)).perceptron if isinstance(m, torch.nn.Linear)]
    assert [m.out_features for m in layers] == [5, 3, 9]


def test_batch_norm_changes_no_weight_and_makes_a_batch_depend_on_itself():
    torch.manual_seed(0)
    plain = ImageDecoder(3, (1, 8, 8), (4, 6))
    torch.manual_seed(0)
    normed = ImageDecoder(3, (1, 8, 8), (4, 6), batch_norm=True)
    assert all(torch.equal(value, normed.state_dict()[key]) for key, value in plain.state_dict().items())
    assert [norm.num_features for norm in normed.norms] == [6, 4]
    z = torch.randn(8, 3)
    assert not torch.allclose(normed(z)[:4], normed(z[:4]), atol=1e-3)
    assert torch.allclose(normed.eval()(z)[:4], normed(z[:4]), atol=1e-5)
