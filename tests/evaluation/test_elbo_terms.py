"""Rate, distortion and the terms of the rate as metrics, on a linear-Gaussian fit and on a code that has collapsed."""

from __future__ import annotations

import math

import pytest
import torch

import ppgen
from ppgen.evaluation import Evaluation, elbo_terms, evaluate, rate_decomposition
from ppgen.evaluation.elbo_terms import distortion, mutual_information, rate
from ppgen.fitted import Fit
from ppgen.guides import MeanField
from ppgen.reporting.model_card import _facts
from tests.oracles.linear_gaussian import PPCA, marginal

KEYS = ["rate", "distortion", "mutual_information", "marginal_kl", "total_correlation", "dimension_kl"]


@pytest.fixture(scope="module")
def linear() -> Fit:
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, x_dim=6).requires_grad_(False)
    x = marginal(model).sample((200,)).float()
    return ppgen.fit(model, x, guide=MeanField(model), max_epochs=10, learning_rate=0.03, progress=False)


def test_the_parts_add_up(linear: Fit) -> None:
    found = evaluate(linear, KEYS, progress=False)["density"]
    elbo = linear.elbo(num_particles=200)
    assert elbo.value == pytest.approx(-found["rate"].value - found["distortion"].value, abs=0.2)
    error = 5 * math.hypot(found["mutual_information"].standard_error or 0.0, 0.01)
    both = found["mutual_information"].value + found["marginal_kl"].value
    assert both == pytest.approx(found["rate"].value, abs=error)
    rest = found["total_correlation"].value + found["dimension_kl"].value
    assert rest == pytest.approx(found["marginal_kl"].value, abs=1e-5)
    size = linear.data.size("test")
    assert 0.0 < found["mutual_information"].value <= math.log(size)
    assert found["mutual_information"].estimator == f"mixture of all {size} posteriors, 10 draws each"


def test_the_rate_is_the_closed_kl(linear: Fit) -> None:
    batch = linear._batch(None)
    with torch.no_grad():
        draws = torch.stack([linear.guide(batch, len(batch["x"]))["z"] for _ in range(3000)]).double()
    mean, variance = draws.mean(0), draws.var(0)
    closed = 0.5 * (variance + mean.square() - 1.0 - variance.log()).sum(-1).mean()
    assert rate(linear).value == pytest.approx(float(closed), abs=0.03)
    noise = linear.model.log_scale.exp().double()
    off = batch["x"].double() - draws @ linear.model.weight.double().T - linear.model.bias.double()
    cost = 0.5 * (off / noise).square().sum(-1) + 6 * (noise.log() + 0.5 * math.log(2 * math.pi))
    error = distortion(linear).standard_error or 0.0
    assert distortion(linear).value == pytest.approx(float(cost.mean()), abs=5 * error + 0.02)


def test_of_many_data_a_part_is_taken_and_called_biased(linear: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elbo_terms, "_MOST_ROWS", 10)
    found = mutual_information(linear)
    assert (found.kind, found.num_data) == ("biased", 10)
    assert found.value <= math.log(10)
    whole = rate_decomposition(linear.model, linear.guide, linear._batch(None))["mutual_information"]
    assert found.value < whole.value


def test_a_code_that_says_nothing_raises_the_alarm(linear: Fit) -> None:
    model = PPCA(latent_dim=2, x_dim=6)
    with torch.no_grad():
        model.weight.zero_()
    model.requires_grad_(False)
    fit = ppgen.fit(model, linear.data, guide=MeanField(model), max_epochs=40, learning_rate=0.03, progress=False)
    card = evaluate(fit, ["active_units", "rate"], progress=False)
    assert card["density"]["rate"].value < 0.05
    assert "posterior collapse: none of the 2 units" in str(card)
    assert ("Alarm", card.facts["collapse"]) in _facts(card, None)
    healthy = evaluate(linear, ["active_units"], progress=False)
    assert "collapse" not in str(healthy)


def test_without_latents_there_is_no_rate() -> None:
    fit = ppgen.fit(ppgen.models.MADE((1, 2, 2)), torch.zeros(20, 1, 2, 2), max_epochs=1, progress=False)
    card = evaluate(fit, KEYS, progress=False)
    assert set(card.refusals) == {("density", key) for key in KEYS}
    assert Evaluation(fit).facts == {}
