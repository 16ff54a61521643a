"""What every network owes its users, whatever it computes."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ppgen import nets

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP": (lambda: nets.MLP(6, 3), (6,)),
    "ImageEncoder": (lambda: nets.encoder((2, 9, 8), 5), (2, 9, 8)),
    "VectorEncoder": (lambda: nets.encoder((6,), 5), (6,)),
    "SequenceEncoder": (lambda: nets.SequenceEncoder((4, 3), 5), (4, 3)),
    "ImageDecoder": (lambda: nets.decoder(4, (2, 9, 8)), (4,)),
    "VectorDecoder": (lambda: nets.decoder(4, (6,)), (4,)),
    "Critic": (lambda: nets.critic((1, 8, 8)), (1, 8, 8)),
    "MaskedConv2d": (lambda: nets.MaskedConv2d(2, 3, 3, "vertical", "B"), (2, 5, 5)),
    "PixelCNN": (lambda: nets.PixelCNN((1, 6, 6), hidden=4, num_layers=2), (1, 6, 6)),
}


@pytest.fixture(params=NETWORKS)
def network_and_input(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    make, shape = NETWORKS[request.param]
    return make(), torch.randn(5, *shape)


def test_gradients_are_finite_and_reach_every_parameter(network_and_input):
    network, x = network_and_input
    network(x).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


def test_training_and_evaluation_give_the_same(network_and_input):
    # No dropout and no batch statistics: the density of a data point does not depend on the mode or on its neighbours.
    network, x = network_and_input
    assert torch.equal(network.train()(x), network.eval()(x))
    torch.testing.assert_close(network(x)[:2], network(x[:2]))


def test_any_batch_dimensions_may_stand_before_the_event(network_and_input):
    network, x = network_and_input
    if not isinstance(network, nets.MaskedConv2d):  # a layer, which takes one
        torch.testing.assert_close(network(torch.stack([x, -x], 1))[:, 0], network(x))
        torch.testing.assert_close(network(x[0]), network(x)[0])


def test_double_precision_is_kept(network_and_input):
    network, x = network_and_input
    single = network(x)
    double = network.double()(x.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


def test_state_goes_round(network_and_input):
    network, x = network_and_input
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(x), other(x))


def test_calling_changes_nothing(network_and_input):
    network, x = network_and_input
    before, given = copy.deepcopy(network.state_dict()), x.clone()
    network(x)
    assert torch.equal(x, given)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_gives_what_the_processor_gives(network_and_input):
    network, x = network_and_input
    network, x = network.double(), x.double()
    torch.testing.assert_close(network.cuda()(x.cuda()).cpu(), network.cpu()(x))
