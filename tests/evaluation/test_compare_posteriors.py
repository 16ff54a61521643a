"""Guides of one model against the gold posterior: numbers, what is shared, what is said, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.errors import SettingError, Unanswerable
from ppgen.evaluation.posterior_advice import advise
from ppgen.guides import FullRank, MeanField
from tests.oracles.linear_gaussian import PPCA, marginal, posterior

_QUICK: dict[str, Any] = {"num_data": 6, "num_steps": 5, "max_epochs": 15, "learning_rate": 0.03}


@pytest.fixture(scope="module")
def compared() -> tuple[ppgen.PosteriorComparison, PPCA]:
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, x_dim=2, noise=0.8).requires_grad_(False)
    x = marginal(model).sample((200,)).float()
    fit = ppgen.fit(model, x, max_epochs=15, learning_rate=0.03, progress=False)
    exact = posterior(model, fit.data.split("test")["x"][:6]).sample((2, 1000))
    return ppgen.compare_posteriors(fit, guides=[FullRank], gold={"z": exact}, **_QUICK), model


def test_every_guide_is_held_against_the_same_draws(compared: tuple[ppgen.PosteriorComparison, PPCA]) -> None:
    found, model = compared
    assert list(found.cards) == ["MeanField", "FullRank"]
    for name, fit in found.fits.items():
        exact = posterior(model, fit.data.split("test")["x"][:6])
        draws = fit.posterior(fit.data.split("test")["x"][:6], 4000).posterior["z"].values[0]
        shift = (draws.mean(0) - exact.mean.numpy()) / exact.stddev.numpy()
        assert abs(found[name]["mean_shift"].value - np.sqrt((shift**2).mean(1)).mean()) < 0.06
        ratio = np.exp(np.log(draws.std(0) / exact.stddev.numpy()).mean())
        assert abs(found[name]["scale_ratio"].value - ratio) < 0.06
    floor = found.cards["FullRank"].answer("mean_shift")
    assert floor is not None
    assert next(iter(floor.baselines.values())).value < 0.1


def test_a_table_and_a_sentence_for_each(compared: tuple[ppgen.PosteriorComparison, PPCA]) -> None:
    text = str(compared[0])
    assert "gold, half against half" in text
    assert "What to do" in text
    assert max(map(len, text.splitlines())) <= 120
    assert "<table>" in compared[0]._repr_html_()
    with pytest.raises(SettingError, match="was not compared"):
        compared[0]["Flow"]


class Noisy(ppgen.Model):
    """A decoder with dropout and a running mean, which no guide that comes later may move."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))

    @ppgen.latent
    def z(self) -> dist.Distribution:
        return dist.Normal(torch.zeros(1), 1.0).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> dist.Distribution:
        return dist.Normal(self.net(z), 1.0).to_event(1)


def test_only_the_first_guide_trains_the_model() -> None:
    model = Noisy()
    fit = ppgen.fit(model, torch.randn(60, 2), max_epochs=1, progress=False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gold = {"z": torch.randn(2, 20, 3, 1)}
    found = ppgen.compare_posteriors(fit, guides={"other": FullRank}, gold=gold, num_data=3, num_steps=2, max_epochs=1)
    assert list(found.fits) == ["MeanField", "other"]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


class Mean(ppgen.Model):
    """theta ~ Normal(0, 2), x_i ~ Normal(theta, 1): a conjugate pair."""

    @ppgen.latent(local=False)
    def theta(self) -> dist.Distribution:
        return dist.Normal(0.0, 2.0)

    @ppgen.observed
    def x(self, theta: Tensor) -> dist.Distribution:
        return dist.Normal(theta, 1.0)


def test_a_global_latent_is_held_against_nuts_on_the_training_data() -> None:
    x = torch.randn(12, generator=torch.Generator().manual_seed(0)) + 1.0
    fit = ppgen.fit(Mean(), {"train": {"x": x}}, batch_size=None, max_epochs=60, learning_rate=0.05, progress=False)
    gold = fit.gold_posterior(num_draws=250, num_warmup=60, num_chains=2, max_r_hat=1.1, min_ess=50)
    precision = 1 / 4 + len(x)
    draws = gold.posterior["theta"].values
    assert draws.shape == (2, 250)
    assert abs(draws.mean() - float(x.sum()) / precision) < 0.3 * precision**-0.5
    assert abs(draws.std() * precision**0.5 - 1) < 0.25
    found = ppgen.compare_posteriors(fit, gold=gold)
    assert set(found["FullRank"] if "FullRank" in found.fits else found["MeanField"]) == {
        "elbo", "mean_shift", "scale_ratio", "covariance_error", "sliced_wasserstein",
    }  # fmt: skip
    with pytest.raises(SettingError, match="posterior is that of the training data"):
        fit.gold_posterior(x)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(SettingError, match="a model without data"):
        ppgen.compare_posteriors(Mean())
    exact = ppgen.fit(ppgen.models.MADE((1, 2, 2)), torch.zeros(20, 1, 2, 2), max_epochs=1, progress=False)
    with pytest.raises(Unanswerable, match="no guide whose posterior could be compared"):
        ppgen.compare_posteriors(exact)
    fit = ppgen.fit(PPCA(latent_dim=2, x_dim=2), torch.randn(40, 2), max_epochs=1, progress=False)
    with pytest.raises(SettingError, match="of no latent of PPCA"):
        ppgen.compare_posteriors(fit, gold={"w": torch.zeros(2, 5, 3, 1)})
    with pytest.raises(SettingError, match="two guides are called 'MeanField'"):
        ppgen.compare_posteriors(fit, guides=[MeanField], gold={"z": torch.randn(2, 5, 3, 2)}, max_epochs=1)


def test_the_advice_names_whose_fault_a_gap_is() -> None:
    def estimates(**values: float) -> dict[str, ppgen.Estimate]:
        return {name: ppgen.Estimate(value, 0.01) for name, value in values.items()}

    guide = MeanField(PPCA(latent_dim=2, x_dim=2))
    floor = estimates(mean_shift=0.02)
    same = {"mean_shift": 0.05, "scale_ratio": 1.0}
    lost = estimates(gap=1.4, approximation=1.3, amortization=0.1, **same)
    assert advise(guide, lost, floor).startswith("loses 1.40 nats, 1.30 of them by its family: try FullRank")
    slow = estimates(gap=1.4, approximation=0.2, amortization=1.2, **same)
    assert "1.20 of them by its encoder: train longer" in advise(guide, slow, floor)
    assert "spread is 0.50 of the posterior's" in advise(guide, estimates(mean_shift=0.05, scale_ratio=0.5), floor)
    assert advise(guide, estimates(gap=0.05, approximation=0.03, amortization=0.02, **same), floor).endswith("to mend")
