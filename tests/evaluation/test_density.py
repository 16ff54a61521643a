from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ppgen.data
from ppgen.errors import Unanswerable
from ppgen.evaluation.density import answer_density


def test_an_exact_density_beside_the_trivial_one(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    answer = answer_density(fit, num_particles=7, seed=0)
    assert set(answer.estimates) == {"log_prob", "bits_per_dim"}  # the ELBO of an exact density is the density
    exact, trivial = answer.estimates["log_prob"], answer.baselines["log_prob factorised Bernoulli"]
    assert exact.kind == trivial.kind == "exact"
    assert exact.value == pytest.approx(trivial.value)  # the stand-in's density is the factorised Bernoulli
    assert exact.standard_error == pytest.approx(trivial.standard_error)
    assert exact.num_data == 360
    assert answer.per_datum is not None
    np.testing.assert_allclose(answer.per_datum.mean(), exact.value)
    assert answer.estimates["bits_per_dim"].value == pytest.approx(-exact.value / (64 * np.log(2.0)))
    assert answer.facts["density_of"] == "p(x)"


def test_a_bound_keeps_its_kind_and_has_an_elbo(fake_fit: Callable[..., Any]) -> None:
    answer = answer_density(fake_fit(kind="lower bound"), num_particles=7, seed=0)
    assert answer.estimates["log_prob"].kind == "lower bound"
    assert answer.estimates["log_prob"].estimator == "IWAE-7"
    assert answer.estimates["bits_per_dim"].kind == "upper bound"
    assert answer.estimates["elbo"].estimator == "ELBO-10"


def test_another_measure_has_neither_the_baseline_nor_bits(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    fit.data = ppgen.data.from_tensors(
        {split: dict(fit.data.split(split)) for split in ("train", "valid", "test")}, measure="continuous"
    )
    answer = answer_density(fit, num_particles=7, seed=0)
    assert set(answer.estimates) == {"log_prob"}
    assert set(answer.baselines) == {"log_prob factorised Gaussian"}


def test_a_global_latent_leaves_the_elbo(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit(kind="lower bound")

    def refuse(**settings: Any) -> None:
        raise Unanswerable("the model has a global latent")

    monkeypatch.setattr(fit, "log_prob_per_datum", refuse)
    monkeypatch.setattr(fit, "elbo", lambda **settings: fake_fit().log_prob())
    answer = answer_density(fit, num_particles=7, seed=0)
    assert set(answer.estimates) == {"elbo"}
    assert answer.refusals["log_prob"] == "the model has a global latent"
    assert answer.per_datum is None
