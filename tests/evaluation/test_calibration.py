"""Simulation-based calibration: exact guides pass, and what is wrong with others is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from matplotlib.figure import Figure
from scipy.stats import binom
from torch import Tensor

import ppgen
from ppgen.errors import Unanswerable
from ppgen.evaluation import Calibration, simulation_based_calibration
from ppgen.evaluation.rank_bands import rank_bands
from ppgen.objectives import ELBO, State
from ppgen.reporting import calibration_figure
from tests.oracles.exact_guide import Conjugate, Posterior


def calibration(guide: Any, model: Any = None, **settings: Any) -> Calibration:
    model = Conjugate() if model is None else model
    data = ppgen.data.from_tensors({"train": {"x": torch.zeros(20, 3)}})
    fit = ppgen.Fit(State(model, guide), ELBO(), data, history=[], settings={}, seconds=0.0)
    return simulation_based_calibration(fit, **settings)


def test_the_exact_guide_passes() -> None:
    passed = [calibration(Posterior(), seed=seed, level=0.05).passes for seed in range(8)]
    assert sum(passed) >= 6  # each fails with a chance of at most 0.05: three of eight with one of 200
    found = calibration(Posterior())
    assert found.passes
    assert "no miscalibration" in found.verdict
    assert found.ranks["z"].shape == (500, 3)


@pytest.mark.parametrize(
    ("guide", "what"),
    [
        (Posterior(scale=0.5), "too narrow"),
        (Posterior(scale=2.0), "too wide"),
        (Posterior(shift=0.3), "shifted"),
        (Posterior(shift=-0.3), "shifted"),
    ],
)
def test_another_guide_fails_and_is_told_why(guide: Any, what: str) -> None:
    found = calibration(guide)
    assert not found.passes
    assert what in found.verdict
    assert "3 of 3 coordinates" in str(found)


@pytest.mark.parametrize(("guide", "inside"), [(Posterior(), True), (Posterior(scale=0.5), False)])
def test_the_figure_shows_it(guide: Any, inside: bool) -> None:
    found = calibration(guide)
    axes = Figure().subplots()
    assert calibration_figure(found, ax=axes).caption == found.verdict
    title = axes.get_title(loc="left")
    shares = found.bands.shares(found.ranks["z"].numpy())
    stays = (shares >= found.bands.low[:, None]) & (shares <= found.bands.high[:, None])
    assert bool(stays.all()) is inside
    assert title == ("calibrated" if inside else "not calibrated")
    assert len(axes.lines) == 3


def test_ranks_of_classes_are_uniform_too() -> None:
    class Coin(ppgen.Model):
        @ppgen.latent
        def z(self) -> Any:
            return dist.Bernoulli(0.3)

        @ppgen.observed
        def x(self, z: Tensor) -> Any:
            return dist.Normal(0.0 * z.unsqueeze(-1) + torch.zeros(3), 1.0).to_event(1)

    class Share(ppgen.Guide):
        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

        @ppgen.latent
        def z(self, x: Tensor) -> Any:
            return dist.Bernoulli(self.share + 0 * x[..., 0])

    assert calibration(Share(0.3), Coin()).passes
    assert not calibration(Share(0.6), Coin()).passes


def test_a_guide_learned_by_simulation_is_calibrated() -> None:
    model = Conjugate()
    objective = ppgen.Simulation(6_000)
    fit = ppgen.fit(
        model, torch.zeros(1, 3), guide=ppgen.guides.MeanField, objective=objective, max_epochs=6, progress=False
    )
    assert simulation_based_calibration(fit, 300, 49).passes


@pytest.mark.parametrize(("num_data", "num_draws"), [(30, 9), (60, 4)])
def test_bands_hold_uniform_ranks_as_often_as_they_say(num_data: int, num_draws: int) -> None:
    """The chance to stay inside, by a recursion over the counts: each step adds a binomial share of what is left."""
    bands = rank_bands(num_data, num_draws, 0.1)
    chance = np.zeros(num_data + 1)
    chance[0] = 1.0
    counts = np.arange(num_data + 1)
    for k in range(num_draws):
        left = num_data - counts[:, None]
        step = binom.pmf(counts[None, :] - counts[:, None], left, 1 / (num_draws + 1 - k))
        shares = counts / num_data
        inside = (shares >= bands.low[k] - 1e-9) & (shares <= bands.high[k] + 1e-9)
        chance = (chance @ step) * inside
    assert 0.88 < chance.sum() < 0.97  # counts are whole: the bands may hold more than they must


def test_small_p_values_go_on_where_the_simulation_ends() -> None:
    bands = rank_bands(500, 99, 0.01)
    assert bands.p_values(np.zeros((500, 1), dtype=int))[0] < 1e-20
    uniform = np.random.default_rng(0).integers(0, 100, (500, 1))
    assert bands.p_values(uniform)[0] > 0.01


def test_a_latent_that_data_share_would_need_a_fit_for_each_data_set() -> None:
    class Shared(ppgen.Model):
        @ppgen.latent(local=False)
        def w(self) -> Any:
            return dist.Normal(0.0, 1.0)

        @ppgen.observed
        def x(self, w: Tensor) -> Any:
            return dist.Normal(w.unsqueeze(-1) + torch.zeros(3), 1.0).to_event(1)

    model = Shared()
    with pytest.raises(Unanswerable):
        calibration(ppgen.guides.MeanField(model), model)


def test_draws_that_would_fill_the_memory_are_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppgen.evaluation.calibration._NUMBERS", 99 * 3 * 64)
    parts = calibration(Posterior(), num_data=200)
    assert parts.ranks["z"].shape == (200, 3)
    assert parts.passes
    assert not calibration(Posterior(scale=0.5), num_data=200).passes
