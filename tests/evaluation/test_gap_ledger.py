"""The gap of a bound and its parts, against the closed forms of probabilistic PCA."""

from __future__ import annotations

import pytest
import torch

import ppgen
from ppgen.errors import Unanswerable
from ppgen.evaluation import gap_ledger
from ppgen.fitted import Fit
from ppgen.guides import FullRank, MeanField
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal, posterior

_SETTINGS = {"num_particles": 200, "num_steps": 10, "num_chains": 16, "refinement": 200}


def fitted(family: type) -> Fit:
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, x_dim=2, noise=0.8).requires_grad_(False)
    x = marginal(model).sample((120,)).float()
    return ppgen.fit(model, x, guide=family(model), max_epochs=15, learning_rate=0.03, progress=False)


def test_the_parts_of_a_mean_field_gap_are_the_closed_ones() -> None:
    fit = fitted(MeanField)
    found = gap_ledger(fit, **_SETTINGS)
    exact = posterior(fit.model, x := fit.data.split("test")["x"])
    truth = float(log_evidence(fit.model, x).mean())
    precision = torch.linalg.inv(exact.covariance_matrix)
    # KL of the best mean-field Gaussian, whose precisions are the posterior's (Bishop, 2006, section 10.1.2).
    family = float(0.5 * (precision.diagonal(dim1=-2, dim2=-1).log().sum(-1) - torch.logdet(precision)).mean())
    assert family > 0.05
    assert abs(found.log_prob.value - truth) < 0.05
    assert abs(found.approximation.value - family) < 0.06
    assert abs(found.total.value - (found.approximation.value + found.amortization.value)) < 1e-9
    assert abs(found.total.value - (found.log_prob.value - found.elbo.value)) < 1e-9
    assert abs(found.slack.value) < 3 * (found.slack.standard_error or 0) + 0.05
    assert str(found).count("\n") == 5


def test_a_full_rank_guide_has_no_gap_of_its_family() -> None:
    found = gap_ledger(fitted(FullRank), **_SETTINGS)
    assert abs(found.approximation.value) < 0.06
    assert found.amortization.value > -0.03


def test_the_best_member_of_a_family_of_many_numbers_is_found() -> None:
    """400 a datum: of steps with one draw each, or too long, the end is worse than the start."""
    torch.manual_seed(0)
    model = PPCA(latent_dim=27, x_dim=40, noise=0.5).requires_grad_(False)
    x = marginal(model).sample((60,)).float()
    fit = ppgen.fit(model, x, guide=FullRank(model), max_epochs=200, progress=False)
    found = gap_ledger(fit, **_SETTINGS | {"num_particles": 50})
    assert found.total.value > 50
    assert abs(found.approximation.value) < 0.3


def test_a_guide_without_an_encoder_has_no_ledger() -> None:
    exact = ppgen.fit(ppgen.models.MADE((1, 2, 2)), torch.zeros(20, 1, 2, 2), max_epochs=1, progress=False)
    with pytest.raises(Unanswerable, match=r"gap_ledger|latent"):
        gap_ledger(exact)
