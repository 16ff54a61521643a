"""Likelihoods: normalised, in the units of the data, and for bits the bits that a Bernoulli always gave."""

from __future__ import annotations

import math

import pyro.distributions as dist
import pytest
import torch

from ppgen import nets

SHAPE = (3, 2, 2)
COUNTABLE = {
    "bernoulli": (nets.BernoulliLikelihood, {}, torch.arange(2.0)),
    "logistic": (nets.DiscretizedLogisticLikelihood, {}, torch.arange(256) / 255),
    "levels": (nets.CategoricalLikelihood, {"levels": 256, "white": 1.0}, torch.arange(256) / 255),
    "classes": (nets.CategoricalLikelihood, {"levels": 4}, torch.arange(4.0)),
    "counts": (nets.NegativeBinomialLikelihood, {}, torch.arange(3000.0)),
}


@pytest.mark.parametrize("name", COUNTABLE)
def test_the_probabilities_of_all_values_sum_to_one(name):
    torch.manual_seed(0)
    kind, settings, values = COUNTABLE[name]
    one = kind((), **settings)
    h = 2.0 * torch.randn(5, *one.shape) if one.shape else 2.0 * torch.randn(5)
    total = one(h).log_prob(values.unsqueeze(-1)).exp().sum(0)
    assert torch.allclose(total, torch.ones(5), atol=1e-3)


@pytest.mark.parametrize("kind", [nets.ContinuousBernoulliLikelihood, nets.GaussianLikelihood])
def test_densities_integrate_to_one(kind):
    h = torch.tensor([-2.0, 0.0, 0.3])
    x = torch.linspace(0, 1, 2001) if kind is nets.ContinuousBernoulliLikelihood else torch.linspace(-12, 12, 4001)
    density = kind(())(h).log_prob(x.unsqueeze(-1)).exp()
    assert torch.allclose(torch.trapezoid(density, x, dim=0), torch.ones(3), atol=1e-3)


def test_observation_noise_takes_values_as_they_were_made():
    h, x = torch.rand(4, *SHAPE), torch.bernoulli(torch.full((4, *SHAPE), 0.5))
    bits, noisy = nets.BernoulliNoise(SHAPE), nets.NormalNoise(SHAPE, 0.3)
    assert torch.equal(bits(h).log_prob(x), dist.Bernoulli(h).to_event(3).log_prob(x))
    torch.testing.assert_close(noisy(h).log_prob(x), dist.Normal(h, 0.3).to_event(3).log_prob(x))
    assert [name for name, _ in noisy.named_parameters()] == ["log_sigma"]


@pytest.mark.parametrize("name", COUNTABLE)
def test_shapes_are_those_of_the_data(name):
    kind, settings, _ = COUNTABLE[name]
    likelihood = kind(SHAPE, **settings)
    fn = likelihood(torch.randn(4, 5, *likelihood.shape))
    assert (fn.batch_shape, fn.event_shape) == ((4, 5), SHAPE)
    assert fn.log_prob(fn.sample()).shape == (4, 5)


def test_logits_of_a_value_stand_where_its_channel_does():
    likelihood = nets.CategoricalLikelihood((2, 1, 3), levels=4)
    h = torch.randn(5, 2, 4, 1, 3)
    fn = likelihood(h.reshape(5, 8, 1, 3))
    assert torch.allclose(fn.base_dist.logits, h.movedim(2, -1).log_softmax(-1))


def test_a_bernoulli_has_the_bits_that_it_had():
    h, x = torch.randn(7, *SHAPE), torch.bernoulli(torch.full((7, *SHAPE), 0.5))
    assert torch.equal(nets.BernoulliLikelihood(SHAPE)(h).log_prob(x), dist.Bernoulli(logits=h).to_event(3).log_prob(x))
    assert not list(nets.BernoulliLikelihood(SHAPE).state_dict())


def test_a_gaussian_speaks_in_the_units_of_the_data():
    x = torch.randn(500, 2) * torch.tensor([1e-3, 1e4]) + torch.tensor([5.0, -1e5])
    likelihood = nets.GaussianLikelihood((2,))
    likelihood.start_at(x)
    expected = dist.Normal(x.mean(0), x.std(0, correction=0)).to_event(1).log_prob(x)
    # The scale begins at one standard deviation, but for the floor of a thousandth.
    assert torch.allclose(likelihood(torch.zeros(500, 2)).log_prob(x), expected, atol=0.02)


def test_a_constant_column_keeps_a_finite_scale():
    likelihood = nets.GaussianLikelihood((1,))
    likelihood.start_at(torch.full((9, 1), 3.0))
    assert likelihood(torch.zeros(1, 1)).log_prob(torch.full((1, 1), 3.0)).item() == pytest.approx(-0.9199, abs=1e-3)


def test_counts_begin_at_their_means_and_spread_as_stated():
    likelihood = nets.NegativeBinomialLikelihood((2,))
    likelihood.start_at(torch.tensor([[0.0, 0.0], [4.0, 0.0]]))
    fn = likelihood(torch.zeros(1, 2)).base_dist
    assert torch.allclose(fn.mean, torch.tensor([[2.0, 0.25]]))
    assert torch.allclose(fn.variance, fn.mean + fn.mean**2 / likelihood.log_count.exp())
    assert likelihood.center[1].item() == pytest.approx(math.log(0.25))
