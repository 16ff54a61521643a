from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from torch.distributions import constraints

from ppgen.distributions import Autoregressive, Conditional, conditionals
from ppgen.errors import SettingError
from ppgen.nets import GatedPixelCNN


def test_bernoulli_is_a_product_over_channels():
    logits, value = torch.randn(5, 4, 3), torch.rand(5, 4, 3).round()
    expected = dist.Bernoulli(logits=logits).to_event(1).log_prob(value)
    torch.testing.assert_close(conditionals.Bernoulli().log_prob(logits, value), expected)


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_categorical_is_a_product_over_channels(levels):
    logits, value = torch.randn(5, 4, 3 * levels), torch.randint(levels, (5, 4, 3)).float()
    expected = dist.Categorical(logits=logits.reshape(5, 4, 3, levels)).to_event(1).log_prob(value)
    torch.testing.assert_close(conditionals.Categorical(levels).log_prob(logits, value), expected)


@pytest.mark.parametrize("family", [conditionals.Bernoulli(), conditionals.Categorical(4)])
def test_draws_follow_the_density(family):
    # Two channels with different parameters: all pairs of values, against their probabilities.
    top = 1 if isinstance(family, conditionals.Bernoulli) else 3
    pairs = torch.cartesian_prod(torch.arange(top + 1.0), torch.arange(top + 1.0)).double()
    parameters = torch.linspace(-1.0, 1.5, family.num_parameters(2), dtype=torch.float64)
    probabilities = family.log_prob(parameters.expand(len(pairs), -1), pairs).exp()
    torch.testing.assert_close(probabilities.sum(), torch.tensor(1.0, dtype=torch.float64))
    draws = family.sample(parameters.expand(20_000, -1), 2)
    assert draws.dtype == torch.float64
    assert family.support.check(draws).all()
    counts = (draws[:, 0] * (top + 1) + draws[:, 1]).long().bincount(minlength=len(pairs))
    assert chisquare(counts.numpy(), 20_000 * probabilities.numpy()).pvalue > 0.001


def test_a_level_that_is_ruled_out_is_never_drawn_and_spoils_no_gradient():
    logits = torch.tensor([0.5, -torch.inf, 0.0]).expand(1000, 3).clone().requires_grad_()
    family = conditionals.Categorical(3)
    draws = family.sample(logits.detach(), 1)
    assert set(draws.flatten().tolist()) == {0.0, 2.0}
    family.log_prob(logits, draws).sum().backward()
    assert logits.grad.isfinite().all()
    assert family.log_prob(logits[:1], torch.ones(1, 1)).item() == -torch.inf


def test_supports_and_measures_are_those_of_data():
    values = torch.tensor([-1.0, 0.0, 0.5, 1.0, 3.0, 4.0, torch.nan])
    assert conditionals.Bernoulli().support.check(values).tolist() == [False, True, False, True, False, False, False]
    grey = conditionals.Categorical(4)
    assert grey.support.check(values).tolist() == [False, True, False, True, True, False, False]
    assert conditionals.Bernoulli().measure == conditionals.Categorical(2).measure == "binary"
    assert (grey.measure, conditionals.Categorical(256).measure) == ("integer", "8-bit")


@pytest.mark.parametrize("levels", [1, 257, 4.0, True])
def test_other_numbers_of_levels_are_refused(levels):
    with pytest.raises(SettingError, match="levels"):
        conditionals.Categorical(levels)


class Gaussian(Conditional):
    """Its shapes can be spoilt: ``log_prob`` summed over all, draws of one channel too few."""

    support, measure = constraints.real, "continuous"

    def __init__(self, spoilt: str = "") -> None:
        self.spoilt = spoilt

    def num_parameters(self, channels: int) -> int:
        return 2 * channels

    def _normal(self, parameters: Tensor) -> torch.distributions.Normal:
        mean, log_scale = parameters.chunk(2, -1)
        return torch.distributions.Normal(mean, log_scale.exp())

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        found = self._normal(parameters).log_prob(value)
        return {"all": found.sum(), "none": found, "": found.sum(-1)}[self.spoilt]

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        found = self._normal(parameters).sample()
        return {"all": found[:1], "none": found.sum(-1), "": found}[self.spoilt]


@pytest.mark.parametrize("spoilt", ["all", "none"])
@pytest.mark.parametrize("check", [False, True])
def test_a_family_that_sums_over_rows_or_over_nothing_is_refused(spoilt, check):
    network = GatedPixelCNN((1, 4, 4), hidden=4, num_layers=1, num_parameters=2, highest=1)
    x = torch.randn(5, 1, 4, 4)
    right = Autoregressive(network, (1, 4, 4), conditional=Gaussian(), validate_args=check)
    torch.testing.assert_close(right.log_prob(x)[:1], right.log_prob(x[:1]))
    wrong = Autoregressive(network, (1, 4, 4), conditional=Gaussian(spoilt), validate_args=check)
    with pytest.raises(SettingError, match="log_prob of Gaussian has another shape"):
        wrong.log_prob(x)
    with pytest.raises(SettingError, match="sample of Gaussian has another shape"):
        wrong.sample((5,))
