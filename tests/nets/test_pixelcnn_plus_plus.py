"""PixelCNN++: causal at every size, whatever is halved; steps equal passes; mid-grey is no padding; dropout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ppgen.distributions import Autoregressive, conditionals
from ppgen.distributions.causal_network import WholePasses
from ppgen.errors import SettingError
from ppgen.nets import PixelCNNPlusPlus
from tests.oracles.chi_square import p_value


def randomised(network: PixelCNNPlusPlus) -> PixelCNNPlusPlus:
    """Weights large enough that no dependence hides behind a small number."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network.double()


@pytest.mark.parametrize(("shape", "resolutions"), [((4, 4), 3), ((5, 7), 3), ((7, 5), 2), ((3, 6), 1), ((1, 5), 3)])
@pytest.mark.parametrize("context_dim", [0, 2])
def test_a_pixel_reads_exactly_the_pixels_before_it(shape, resolutions, context_dim):
    network = randomised(PixelCNNPlusPlus((1, *shape), 4, 3 if resolutions < 3 else 1, resolutions, 0.0, context_dim))
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    x, pixels = torch.rand(1, *shape, dtype=torch.float64), shape[0] * shape[1]
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, context), x).reshape(pixels, pixels)
    future = torch.ones(pixels, pixels).triu().bool()
    assert (jacobian[future] == 0).all()
    assert (jacobian[~future] != 0).all()


def test_all_colour_images_of_three_levels_sum_to_one_and_draws_follow_them():
    family = conditionals.LogisticMixture(2, 3)
    network = randomised(PixelCNNPlusPlus((2, 1, 3), 4, 1, 2, num_parameters=family.num_parameters(2)))
    images = torch.arange(3**6).unsqueeze(-1) // 3 ** torch.arange(6) % 3
    fn = Autoregressive(network, (2, 1, 3), conditional=family)
    with torch.no_grad():
        p = fn.log_prob((images.double() / 2).reshape(-1, 2, 1, 3)).exp()
    assert abs(p.sum() - 1) < 1e-9
    assert p.max() > 3 * p.mean()
    torch.manual_seed(1)
    index = ((2 * fn.sample((20_000,))).round().long().flatten(1) * 3 ** torch.arange(6)).sum(-1)
    assert p_value(index.bincount(minlength=3**6), p) > 0.001


@pytest.mark.parametrize("shape", [(4, 4), (5, 7), (9, 6), (1, 5), (6, 1)])
@pytest.mark.parametrize(("resolutions", "context_dim"), [(1, 0), (2, 3), (3, 0), (4, 2)])
def test_pixel_by_pixel_equals_all_at_once(shape, resolutions, context_dim):
    # Halved to the last pixel and beyond; two channels and five parameters, of levels up to three.
    network = randomised(PixelCNNPlusPlus((2, *shape), 3, 2, resolutions, 0.5, context_dim, 5, highest=3.0)).eval()
    x = (3 * torch.rand(4, 2, *shape, dtype=torch.float64)).round()
    context = torch.randn(4, context_dim, dtype=torch.float64) if context_dim else None
    expected, values = network(x, context).flatten(2), x.flatten(2)
    state, previous = network.start(4, context), torch.zeros(4, 2, dtype=torch.float64)
    for position in range(values.shape[-1]):
        parameters, state = network.step(state, previous, position)
        assert not parameters.requires_grad
        torch.testing.assert_close(parameters, expected[..., position], rtol=1e-10, atol=1e-10)
        previous = values[..., position]


def test_draws_are_those_of_a_whole_pass_for_each_pixel_though_the_network_is_in_training():
    family = conditionals.LogisticMixture(2, 8)
    network = randomised(PixelCNNPlusPlus((2, 5, 6), 4, 1, 3, 0.5, num_parameters=family.num_parameters(2)))
    state = torch.random.get_rng_state()
    found = Autoregressive(network, (2, 5, 6), conditional=family).expand([8]).sample()
    whole = WholePasses(network.eval(), torch.zeros(2, 30).double(), (2, 5, 6))
    torch.random.set_rng_state(state)
    drawn, walk = torch.zeros(8, 2, dtype=torch.float64), whole.start(8, None)
    for position in range(30):
        parameters, walk = whole.step(walk, drawn, position)
        drawn = family.sample(parameters, 2)
        assert torch.equal(drawn, found.flatten(2)[..., position])


def test_context_reaches_every_pixel_and_mid_grey_differs_from_the_border():
    network = randomised(PixelCNNPlusPlus((1, 4, 4), 4, 1, 2, context_dim=3))
    x, (one, other) = torch.full((1, 4, 4), 0.5, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    assert (network(x, one) != network(x, other)).all()
    inner = (network(x, one) - network.bias)[0]
    assert not torch.allclose(inner[0, 0], inner[3, 3])


def test_dropout_is_of_training_alone():
    network = randomised(PixelCNNPlusPlus((1, 4, 4), 8, 1, 2, dropout=0.5))
    x = torch.rand(1, 4, 4, dtype=torch.float64)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("wrong", [-0.1, 1.0])
def test_a_dropout_that_is_no_probability_is_refused(wrong):
    with pytest.raises(SettingError, match="dropout is out of range"):
        PixelCNNPlusPlus((1, 4, 4), dropout=wrong)
