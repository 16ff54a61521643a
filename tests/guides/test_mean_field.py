from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

import ppgen
from ppgen.declare import Model
from ppgen.guides import MeanField
from ppgen.guides.mean_field import positive
from ppgen.inference.paired_trace import trace_guide
from tests.oracles.conjugate import BetaBernoulli, DirichletMultinomial, GammaPoisson, SharedMean
from tests.oracles.linear_gaussian import PPCA, frozen, log_evidence, marginal, mean_field_gap, posterior


def test_it_ends_at_the_gap_of_the_best_factorised_gaussian() -> None:
    """``KL(q || p(z | x))`` goes down to ``(sum_i log (S^-1)_ii - log |S^-1|) / 2``, and no further."""
    model = frozen(PPCA())
    torch.manual_seed(0)
    x = marginal(model).sample((6500,)).float()
    data = {"train": x[:6000], "valid": x[6000:6010], "test": x[6010:]}
    settings: dict[str, Any] = {"max_epochs": 24, "batch_size": 150, "learning_rate": 3e-3, "schedule": "cosine"}
    fit = ppgen.fit(model, MeanField(model), data, progress=False, **settings)
    test = fit.data.split("test")["x"]
    with torch.no_grad():
        q = trace_guide(fit.guide, {"x": test}, len(test))["z"].guide_fn.base_dist
    wide = MultivariateNormal(q.loc.double(), scale_tril=torch.diag_embed(q.scale.double()))
    gap = kl_divergence(wide, posterior(model, test)).mean().item()
    print(f"bar 3, mean-field gap: {gap:.4f} nats per datum, closed form {mean_field_gap(model):.4f}")
    assert mean_field_gap(model) - 1e-3 < gap < mean_field_gap(model) + 0.02
    elbo = fit.elbo(num_particles=50)
    assert log_evidence(model, test).mean().item() - elbo.value == pytest.approx(gap, abs=0.02)


@pytest.mark.parametrize(
    ("make", "gap", "accuracy"),
    [(GammaPoisson, 0.06, 0.1), (BetaBernoulli, 0.02, 0.02), (DirichletMultinomial, 0.05, 0.02)],
    ids=["gamma and Poisson", "beta and Bernoulli", "dirichlet and multinomial"],
)
def test_conjugate_pairs(make: Any, gap: float, accuracy: float) -> None:
    """The bound stays below the exact evidence and comes near it; posterior means are the exact ones."""
    model: Model = make()
    torch.manual_seed(1)
    x = model(size=1600)["x"]
    data = {"train": x[:1200], "valid": x[1200:1210], "test": x[1210:]}
    fit = ppgen.fit(
        model, None, data, max_epochs=30, batch_size=100, learning_rate=3e-3, schedule="cosine", progress=False
    )
    test = fit.data.split("test")["x"]
    exact = model.evidence(test)
    by_datum = exact - fit.log_prob_per_datum(num_particles=1)
    error = by_datum.std() / len(test) ** 0.5
    assert -3 * error < by_datum.mean() < gap + 3 * error
    better = fit.log_prob(num_particles=300).value
    assert exact.mean().item() - better < gap / 3
    deviation = (fit.encode() - model.posterior_mean(test)).abs().mean()
    assert deviation < accuracy


def test_a_global_latent_beside_local_ones() -> None:
    """Its posterior, given all data, is what minibatches of a tenth lead to; the bound stays below the evidence."""
    model = SharedMean()
    torch.manual_seed(2)
    x = model(size=300)["x"].detach()
    data = {"train": x, "valid": x[:2] + 1, "test": x[:50] - 1}
    fit = ppgen.fit(
        model, None, data, max_epochs=80, batch_size=30, learning_rate=0.03, schedule="cosine", progress=False
    )
    loc, raw = fit.guide.free["mu"].detach().chunk(2)
    mean, spread = model.posterior_of_mu(x)
    assert (loc - mean).abs().max() < 0.2
    assert (positive(raw) < 10 * spread).all()
    bound, exact = fit.elbo({"x": x}, num_particles=200), model.evidence(x)
    assert bound.kind == "lower bound"
    assert exact - 0.2 < bound.value < exact + 3 * bound.standard_error


def test_scales_are_positive_and_one_at_zero() -> None:
    raw = torch.tensor([-200.0, -5.0, 0.0, 50.0])
    assert (positive(raw) > 0).all()
    assert positive(raw)[2].item() == pytest.approx(1.0, abs=1e-5)
    assert positive(raw)[3].item() == pytest.approx(50.54, abs=0.01)
