"""Networks that read an event: features for guides, and critics that tell real data from generated data."""

from __future__ import annotations

import pytest
import torch

from ppgen.nets import ImageEncoder, VectorEncoder, critic, encoder
from ppgen.nets.encoders import halvings

SHAPES = [(1, 4, 4), (1, 8, 8), (1, 16, 16), (1, 28, 28), (3, 32, 32), (3, 64, 64), (2, 5, 19), (20,), (1,), (), (3, 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_and_every_input_matters(shape):
    torch.manual_seed(0)
    network = encoder(shape, 6)
    x = torch.randn(8, *shape, requires_grad=True)
    features = network(x)
    assert features.shape == (8, 6)
    features.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name
    assert (x.grad != 0).reshape(8, -1).any(1).all()


def test_hidden_sets_the_stages():
    assert isinstance(encoder((8,), 4), VectorEncoder)
    network = encoder((1, 28, 28), 4, hidden=(3, 5))
    assert isinstance(network, ImageEncoder)
    assert [m.out_channels for m in network.modules() if isinstance(m, torch.nn.Conv2d)] == [3, 5]


@pytest.mark.parametrize(("size", "last"), [((4, 4), (1, 1)), ((8, 8), (2, 2)), ((28, 28), (4, 4)), ((64, 64), (4, 4))])
def test_halvings_end_small(size, last):
    sizes = halvings(*size)
    assert sizes[0] == size
    assert sizes[-1] == last


def test_vector_encoder_can_be_affine():
    # The posterior mean of a linear-Gaussian model is affine in x and has to be within reach.
    torch.manual_seed(0)
    network, x = VectorEncoder((5,), 2), torch.randn(9, 5)
    with torch.no_grad():
        last = network.perceptron[0][-1]
        last.weight.zero_()
        last.bias.zero_()
    torch.testing.assert_close(network(x), x @ network.affine.weight.T + network.affine.bias)


def test_a_critic_passes_a_gradient_on_to_the_event():
    x = torch.randn(4, 1, 8, 8, requires_grad=True)
    critic((1, 8, 8))(x).sum().backward()
    assert (x.grad != 0).all(0).any()
