from __future__ import annotations

import pytest
import torch

from ppgen.errors import SettingError
from ppgen.nets import CausalImageNetwork, GatedPixelCNN, SkipPixelCNN

KINDS = pytest.mark.parametrize("kind", [GatedPixelCNN, SkipPixelCNN])


def randomised(network: CausalImageNetwork) -> CausalImageNetwork:
    """Weights large enough that no dependence hides behind a small number."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return network.double()


@KINDS
@pytest.mark.parametrize("size", [(4, 4), (8, 8), (3, 6)])
@pytest.mark.parametrize("context_dim", [0, 3])
def test_logit_of_a_pixel_reads_exactly_the_pixels_before_it(kind, size, context_dim):
    # The Jacobian has no entry at j >= i; and, with this many layers, no blind spot at j < i either.
    network = randomised(kind((1, *size), hidden=6, num_layers=8, context_dim=context_dim))
    x = torch.rand(1, *size, dtype=torch.float64)
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    pixels = size[0] * size[1]
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, context), x).reshape(pixels, pixels)
    future = torch.ones(pixels, pixels).triu().bool()
    assert (jacobian[future] == 0).all()
    assert (jacobian[~future] != 0).all()


@KINDS
def test_context_reaches_every_pixel_and_broadcasts(kind):
    network = randomised(kind((1, 4, 4), hidden=4, num_layers=2, context_dim=3))
    x = torch.zeros(5, 1, 4, 4, dtype=torch.float64)
    one, other = torch.randn(2, 3, dtype=torch.float64)
    assert (network(x, one) != network(x, other)).all()
    torch.testing.assert_close(network(x, one), network(x, one.expand(5, 3)))


@KINDS
@pytest.mark.parametrize(("context_dim", "num_parameters"), [(0, 1), (3, 1), (0, 4)])
def test_pixel_by_pixel_equals_all_at_once(kind, context_dim, num_parameters):
    shape, highest = (1, 5, 7), max(1, num_parameters - 1)
    sizes = {"context_dim": context_dim, "num_parameters": num_parameters, "highest": highest}
    network = randomised(kind(shape, 4, 3, **sizes))
    x = (torch.rand(6, *shape, dtype=torch.float64) * highest).round()
    context = torch.randn(6, context_dim, dtype=torch.float64) if context_dim else None
    with torch.no_grad():
        expected, values = network(x, context).flatten(2), x.flatten(2)
        state, previous = network.start(6, context), torch.zeros(6, 1, dtype=torch.float64)
        for position in range(35):
            parameters, state = network.step(state, previous, position)
            assert parameters.shape == (6, num_parameters)
            torch.testing.assert_close(parameters, expected[..., position])
            previous = values[..., position]


@KINDS
def test_what_is_drawn_lies_in_the_state_alone(kind):
    # Two walks by turns are what each is by itself, and the network is as it was.
    network = randomised(kind((1, 2, 3), hidden=4, num_layers=2))
    before = {name: id(value) for name, value in vars(network).items()}
    x = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]], dtype=torch.float64)
    expected = network(x.reshape(2, 1, 2, 3)).flatten(2)
    states = [network.start(1), network.start(1)]
    for position in range(6):
        for walk in range(2):
            previous = x[walk, max(0, position - 1)].reshape(1, 1)
            parameters, states[walk] = network.step(states[walk], previous, position)
            torch.testing.assert_close(parameters[0], expected[walk, :, position])
    assert {name: id(value) for name, value in vars(network).items()} == before


def test_a_skip_network_drops_features_in_training_alone():
    network = randomised(SkipPixelCNN((1, 3, 3), hidden=16, num_layers=2, dropout=0.5))
    whole = SkipPixelCNN((1, 3, 3), hidden=16, num_layers=2).double()
    whole.load_state_dict(network.state_dict())
    x = torch.rand(2, 1, 3, 3, dtype=torch.float64)
    assert (network(x) != network(x)).any()
    torch.testing.assert_close(network.eval()(x), whole(x), rtol=0.0, atol=0.0)
    with pytest.raises(SettingError, match="dropout"):
        SkipPixelCNN((1, 3, 3), dropout=1.0)


def test_the_quick_gate_is_the_usual_one_of_half_a_number():
    features = torch.randn(5, 6, 2, 2, dtype=torch.float64)
    value, opening = features.chunk(2, dim=1)
    usual = GatedPixelCNN((1, 2, 2), 3, 1).layers[0].gate(torch.cat([value / 2, opening], 1))
    torch.testing.assert_close(SkipPixelCNN((1, 2, 2), 3, 1).layers[0].gate(features), 2.0 * usual)


def test_values_up_to_the_highest_are_read_from_minus_one_to_one():
    network = GatedPixelCNN((1, 3, 3), hidden=4, num_layers=1)
    levels = GatedPixelCNN((1, 3, 3), hidden=4, num_layers=1, highest=255)
    levels.load_state_dict(network.state_dict())
    x = torch.rand(2, 1, 3, 3)
    torch.testing.assert_close(levels(255 * x), network(x))


def test_shapes_without_a_pixel_order_are_refused():
    with pytest.raises(SettingError, match="orders the pixels of images"):
        GatedPixelCNN((64,))


@pytest.mark.parametrize(
    ("shape", "context", "fix"),
    [
        ((1, 4, 5), 2, "GatedPixelCNN((1, 4, 5), context_dim=2)"),
        ((1, 4, 4), None, "GatedPixelCNN((1, 4, 4), context_dim=0)"),
    ],
)
def test_inputs_that_it_was_not_made_for_are_refused(shape, context, fix):
    # A context that is left out would broadcast to a number that means nothing.
    network = GatedPixelCNN((1, 4, 4), hidden=2, num_layers=1, context_dim=2)
    with pytest.raises(SettingError, match="made for other inputs") as caught:
        network(torch.zeros(3, *shape), None if context is None else torch.zeros(3, context))
    assert caught.value.fix == fix
