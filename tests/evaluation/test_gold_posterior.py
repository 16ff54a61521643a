"""What a fit answers by chains: its gold posterior, log p by AIS, both bounds; and that nothing of it changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ppgen
from ppgen.errors import SettingError, Unanswerable
from ppgen.evaluation import ais, annealed_log_prob, bdmc, evaluate, heavy_tails, sandwiched_log_prob
from ppgen.evaluation.convergence import convergence_of
from ppgen.evaluation.metrics import chosen
from ppgen.fitted import Fit
from ppgen.guides import FullRank, MeanField
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal, posterior
from tests.oracles.small_fits import grey, noisy_fit

__all__ = ["grey", "noisy_fit"]


@pytest.fixture(scope="module")
def linear() -> Fit:
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, x_dim=6).requires_grad_(False)
    x = marginal(model).sample((120,)).float()
    return ppgen.fit(model, x, guide=MeanField(model), max_epochs=20, learning_rate=0.03, progress=False)


def test_the_gold_posterior_is_the_exact_one(linear: Fit) -> None:
    x = linear.data.split("test")["x"][:4]
    found = linear.gold_posterior(x, 400, num_warmup=100)
    draws = found.posterior["z"].values
    assert draws.shape == (4, 400, 4, 2)
    exact = posterior(linear.model, x)
    assert np.abs((draws.mean((0, 1)) - exact.mean.numpy()) / exact.stddev.numpy()).max() < 0.1
    facts = found.constant_data
    assert float(facts["r_hat"].max()) <= 1.01
    assert float(facts["ess"].min()) >= 400
    assert facts["acceptance"].shape == (4,)
    assert np.array_equal(found.observed_data["x"].values, x.numpy())


def test_chains_that_have_not_met_are_refused(linear: Fit) -> None:
    with pytest.raises(Unanswerable, match=r"chains of 2 of 2 data have not met"):
        linear.gold_posterior(linear.data.split("test")["x"][:2], 8, num_warmup=20)


def test_convergence_sees_one_chain_apart() -> None:
    draws = np.random.default_rng(0).normal(size=(4, 500, 3, 2))
    draws[0, :, 1, 1] += 2.0
    found = convergence_of({"z": draws, "w": draws[..., 0]})
    assert found.failed(1.01, 400.0).tolist() == [1]
    assert (found.r_hat.shape, found.ess.shape) == ((3,), (3,))
    found.ess[0] = np.nan
    assert found.failed(1.01, 400.0).tolist() == [0, 1]


def test_ais_is_close_to_the_evidence_and_says_what_it_is(linear: Fit) -> None:
    found = annealed_log_prob(linear, num_steps=20)
    truth = log_evidence(linear.model, linear.data.split("test")["x"])
    assert float((found.values - truth).abs().max()) < 0.5
    assert abs(float((found.values - truth).mean())) < 0.05
    assert (found.mean.kind, found.mean.estimator, found.mean.of) == ("lower bound", "AIS-20x16", "p(x)")
    assert math.isclose(found.mean.value, float(found.values.mean()))
    again = annealed_log_prob(linear, num_steps=20)
    assert torch.equal(again.values, found.values)


def test_the_interval_holds_the_evidence_of_the_model_s_own_draws(linear: Fit) -> None:
    found = sandwiched_log_prob(linear, 12, num_steps=20)
    entropy = -float(marginal(linear.model).entropy())
    assert found.mean.low is not None
    assert found.mean.high is not None
    assert found.mean.low <= found.mean.high < found.mean.low + 0.2
    assert abs(found.mean.value - entropy) < 4 * float(found.low.std()) / math.sqrt(12)
    assert float((found.high - found.low).abs().max()) < 0.5
    low, high = found.interval
    truth = log_evidence(linear.model, found.data["x"])  # of the very data that were drawn
    assert ((low <= truth) & (truth <= high)).all()
    assert torch.allclose(high - low, found.high - found.low + 3 * (found.low_error + found.high_error))


def test_metrics_on_request_join_a_scorecard(linear: Fit) -> None:
    card = evaluate(linear, ["ais", "pareto_k"], progress=False, num_particles=200)
    assert card["density"]["ais"].value >= linear.elbo(num_particles=20).value
    assert chosen(["bdmc", "density.ais"]) == (bdmc, ais)
    assert 0.0 <= card["calibration"]["pareto_k"].value <= 1.0
    assert {metric.key for metric in ppgen.evaluation.ON_REQUEST} >= {"ais", "bdmc", "pareto_k"}
    assert (ais.question, bdmc.question, heavy_tails.question) == ("density", "density", "calibration")


def test_evaluation_changes_nothing(noisy_fit: Callable[..., Fit]) -> None:
    fit = noisy_fit(max_epochs=1)
    fit.model.train()
    before = {name: value.clone() for name, value in fit.model.state_dict().items()}
    state, flags = torch.get_rng_state(), [p.requires_grad for p in fit.model.parameters()]
    few = fit.data.split("test")["x"][:2]
    first = annealed_log_prob(fit, few, num_steps=3, num_chains=4)
    fit.gold_posterior(few, 40, num_warmup=20, max_r_hat=5.0, min_ess=1.0)
    sandwiched_log_prob(fit, 2, num_steps=2, num_chains=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in fit.model.state_dict().items())
    assert all(module.training for module in fit.model.modules())
    assert [p.requires_grad for p in fit.model.parameters()] == flags
    assert torch.equal(annealed_log_prob(fit, few, num_steps=3, num_chains=4).values, first.values)


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda fit: annealed_log_prob(fit, num_chains=1), SettingError),
        (lambda fit: annealed_log_prob(fit, num_steps=0), SettingError),
        (lambda fit: fit.gold_posterior(max_r_hat=0.9), SettingError),
    ],
)
def test_settings_out_of_range_are_refused(linear: Fit, ask: Callable[[Fit], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(linear)


def test_fits_without_local_latents_have_no_density_of_a_datum_to_anneal() -> None:
    model = ppgen.models.FactorAnalysis(x_dim=3)
    fit = ppgen.fit(model, torch.randn(40, 3), guide=FullRank(model), max_epochs=1, progress=False)
    with pytest.raises(Unanswerable, match="global latent"):
        annealed_log_prob(fit)
    with pytest.raises(SettingError, match="posterior is that of the training data"):
        fit.gold_posterior(torch.randn(2, 3))
