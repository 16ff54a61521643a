"""PixelCNN++: causal at every size, whatever is halved; mid-grey is no padding; dropout in training alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ppgen.distributions import Autoregressive, conditionals
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
