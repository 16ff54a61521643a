"""Families of real numbers against torch's own normals and mixtures."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from ppgen.distributions import conditionals
from ppgen.errors import SettingError


def oracle(parameters: torch.Tensor, components: int) -> MixtureSameFamily:
    logits, loc, log_scale = parameters.reshape(-1, 2, 3, components).unbind(-2)
    apart = torch.linspace(-1.5, 1.5, components) if components > 1 else torch.zeros(1)
    return MixtureSameFamily(Categorical(logits=logits), Normal(loc + apart, log_scale.exp()))


@pytest.mark.parametrize("components", [1, 4])
def test_a_mixture_is_that_of_torch(components):
    torch.manual_seed(0)
    family, value = conditionals.NormalMixture(components), torch.randn(7, 2).double()
    parameters = torch.randn(7, family.num_parameters(channels=2)).double()
    expected = oracle(parameters, components)
    torch.testing.assert_close(family.log_prob(parameters, value), expected.log_prob(value).sum(-1))
    draws = family.sample(parameters.expand(40_000, 7, -1), 2)
    torch.testing.assert_close(draws.mean(0), expected.mean, atol=0.1, rtol=0)
    torch.testing.assert_close(draws.std(0), expected.stddev, atol=0.1, rtol=0.02)


def test_a_normal_is_that_of_torch_and_a_mixture_of_one():
    family, value = conditionals.Normal(), torch.randn(7, 2).double()
    parameters = torch.randn(7, 4).double()
    loc, log_scale = parameters.reshape(7, 2, 2).unbind(-1)
    torch.testing.assert_close(family.log_prob(parameters, value), Normal(loc, log_scale.exp()).log_prob(value).sum(-1))
    one = torch.cat([torch.zeros(7, 2, 1).double(), parameters.reshape(7, 2, 2)], -1).flatten(1)
    torch.testing.assert_close(conditionals.NormalMixture(1).log_prob(one, value), family.log_prob(parameters, value))


@pytest.mark.parametrize("family", [conditionals.Normal(), conditionals.NormalMixture(1)])
def test_a_temperature_raises_a_normal_to_its_inverse_power(family):
    # Of one component the density to the power of 1 / T, normalised by a sum over a grid, is the oracle.
    parameters = torch.randn(family.num_parameters(1)).double()
    grid = torch.linspace(-30, 30, 60_001).double().unsqueeze(-1)
    step = 60 / 60_000
    power = (family.log_prob(parameters, grid) / 0.6).exp()
    cold = family.log_prob(family.sharpened(parameters, 0.6), grid).exp()
    torch.testing.assert_close(cold, power / (power.sum() * step), rtol=1e-6, atol=1e-9)


def test_values_that_come_again_and_again_have_a_bounded_density():
    density = conditionals.Normal().log_prob(torch.tensor([0.0, -1e6]), torch.zeros(1))
    assert density < 7.0


def test_a_mixture_has_components():
    with pytest.raises(SettingError, match="num_components"):
        conditionals.NormalMixture(0)
