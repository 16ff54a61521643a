from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from torch.distributions import kl_divergence

import ppgen.distributions  # noqa: F401  registers the closed forms


def guide_and_prior(batch: tuple[int, ...], dim: int) -> tuple[dist.MultivariateNormal, dist.Normal]:
    torch.manual_seed(0)
    factor = torch.randn(*batch, dim, dim, dtype=torch.float64).tril(-1)
    factor = factor + torch.diag_embed(torch.rand(*batch, dim, dtype=torch.float64) + 0.3)
    q = dist.MultivariateNormal(torch.randn(*batch, dim, dtype=torch.float64), scale_tril=factor)
    p = dist.Normal(torch.randn(dim, dtype=torch.float64), torch.rand(dim, dtype=torch.float64) + 0.5)
    return q, p


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("dim", [1, 4])
def test_equals_torchs_form_for_two_full_rank_normals(batch, dim):
    q, p = guide_and_prior(batch, dim)
    as_full_rank = dist.MultivariateNormal(p.loc, scale_tril=torch.diag_embed(p.scale))
    expected = kl_divergence(q, as_full_rank)
    actual = kl_divergence(q, p.to_event(1))
    assert actual.shape == batch
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


def test_accepts_a_prior_expanded_over_a_plate():
    q, _ = guide_and_prior((5,), 4)
    prior = dist.Normal(0.0, 1.0).expand([4]).to_event(1).expand([5])
    full = dist.MultivariateNormal(torch.zeros(4, dtype=torch.float64), torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(kl_divergence(q, prior), kl_divergence(q, full))


@pytest.mark.parametrize(
    "prior", [dist.Laplace(torch.zeros(3), 1.0).to_event(1), dist.Normal(torch.zeros(2, 3), 1.0).to_event(2)]
)
def test_other_priors_are_left_to_sampling(prior):
    q, _ = guide_and_prior((2,), 3)
    with pytest.raises(NotImplementedError):
        kl_divergence(q, prior)
