"""The question of calibration in a table: an exact guide's intervals hold what they say, and others' do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

import ppgen
from ppgen.evaluation.rank_scores import _distance
from ppgen.objectives import ELBO, State
from tests.oracles.exact_guide import Conjugate, Posterior


def asked(guide: Any) -> ppgen.Scorecard:
    data = ppgen.data.from_tensors({"train": {"x": torch.zeros(20, 3)}})
    fit = ppgen.Fit(State(Conjugate(), guide), ELBO(), data, history=[], settings={}, seconds=0.0)
    return ppgen.evaluate(fit, ["interval_95", "rank_deviation"], progress=False)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_intervals_of_a_scaled_posterior_hold_what_theory_says(scale: float) -> None:
    found = asked(Posterior(scale=scale))["calibration"]["interval_95"]
    truth = 1 - 2 * norm.sf(scale * norm.ppf(0.975))
    assert abs(found.value - truth) < 4 * found.standard_error + 0.003  # the quantiles are those of 199 draws
    assert (found.kind, found.unit, found.num_data) == ("unbiased", "share", 500)


def test_ranks_of_an_exact_guide_are_as_near_to_uniform_as_chance_allows() -> None:
    card = asked(Posterior())
    exact, floor = card["calibration"]["rank_deviation"], card.baselines_of("rank_deviation")["exact guide"]
    assert abs(exact.value - floor.value) < 0.02
    assert asked(Posterior(scale=0.5))["calibration"]["rank_deviation"].value > floor.value + 0.05


def test_the_distance_is_kolmogorovs() -> None:
    positions = np.random.default_rng(0).beta(2, 2, size=(50, 3))
    truth = np.mean([kstest(column, "uniform").statistic for column in positions.T])
    assert _distance(positions) == pytest.approx(truth, abs=1e-12)


def test_without_a_guide_there_is_nothing_to_calibrate() -> None:
    fit = ppgen.fit(ppgen.models.MADE((1, 2, 2)), torch.zeros(20, 1, 2, 2), max_epochs=1, progress=False)
    card = ppgen.evaluate(fit, ["interval_95"], progress=False)
    assert not card["calibration"]
    assert card.reason("calibration")


def test_a_guide_that_gives_points_is_not_sure_of_anything() -> None:
    model = ppgen.models.VAE((1, 8, 8), latent_dim=2)
    fit = ppgen.fit(model, "digits", guide=ppgen.guides.Delta(model), max_epochs=1, progress=False)
    card = ppgen.evaluate(fit, ["interval_95"], progress=False)
    assert "gives a point" in card.reason("calibration")
