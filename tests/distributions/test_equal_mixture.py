from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily

from ppgen.distributions import EqualMixture
from ppgen.distributions.equal_mixture import _rank_among_equals


def setting() -> tuple[EqualMixture, MixtureSameFamily]:
    """Ours, and torch's with equal weights."""
    components = dist.Normal(torch.randn(4, 3).double(), torch.rand(4, 3).double() + 0.1).to_event(1)
    return EqualMixture(components), MixtureSameFamily(Categorical(logits=torch.zeros(4).double()), components)


@pytest.mark.parametrize("batch", [(), (5,), (2, 5)])
def test_density_is_that_of_torch(batch):
    ours, theirs = setting()
    z = torch.randn(*batch, 3).double()
    torch.testing.assert_close(ours.expand(batch).log_prob(z), theirs.log_prob(z))
    torch.testing.assert_close(ours.log_prob(z), theirs.log_prob(z))
    torch.testing.assert_close(ours.mean, theirs.mean)


def test_narrow_components_far_from_the_origin_keep_their_digits():
    loc, scale = torch.randn(7, 40) + 5.0, torch.full((7, 40), 1e-3)
    z = loc[:3] + scale[:3] * torch.randn(3, 40)
    components = dist.Normal(loc, scale).to_event(1)
    exact = MixtureSameFamily(
        Categorical(logits=torch.zeros(7).double()), dist.Normal(loc.double(), scale.double()).to_event(1)
    )
    torch.testing.assert_close(EqualMixture(components).log_prob(z), exact.log_prob(z.double()).float())


def test_components_of_any_family_and_event_shape():
    components = dist.Gamma(torch.rand(4, 2, 3).double() + 1.0, 1.0).to_event(2)
    ours = EqualMixture(components)
    theirs = MixtureSameFamily(Categorical(logits=torch.zeros(4).double()), components)
    x = ours.expand([5]).rsample()
    assert x.shape == (5, 2, 3)
    torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x))


def test_draws_come_from_all_components_alike_and_independently():
    # Components far apart, so that a draw tells where it came from.
    components = dist.Normal(torch.arange(5.0)[:, None] * 10, 1.0).to_event(1)
    draws = EqualMixture(components).rsample((20_000,)).squeeze(1)
    which = (draws / 10).round().long()
    counts = which.bincount(minlength=5)
    assert ((counts - 4000).abs() < 5 * (20_000 * 0.2 * 0.8) ** 0.5).all()
    residual = draws - 10 * which
    assert abs(residual.mean()) < 5 / 20_000**0.5
    assert abs(residual.std() - 1.0) < 5 / 40_000**0.5
    assert residual.unique().numel() > 19_000, "no draw is used twice"
    repeats = (which[1:] == which[:-1]).float().mean()
    assert abs(repeats - 0.2) < 5 * (0.16 / 20_000) ** 0.5


def test_gradient_of_a_draw_is_pathwise():
    # d/dm E[z^2] = 2 m / K for a component with mean m.
    loc = torch.tensor([[-1.0], [3.0]], requires_grad=True)
    draws = EqualMixture(dist.Normal(loc, 1.0).to_event(1)).rsample((20_000,))
    (gradient,) = torch.autograd.grad(draws.square().mean(), loc)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0], [3.0]]), rtol=0, atol=0.1)


def test_rank_counts_equals_before():
    assert _rank_among_equals(torch.tensor([2, 5, 2, 2, 5, 0])).tolist() == [0, 0, 1, 2, 1, 0]
