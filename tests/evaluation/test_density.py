from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch

import ppgen
import ppgen.data
from ppgen.declare.site import Site
from ppgen.errors import DataError, SettingError
from ppgen.evaluation import compare, evaluate
from ppgen.evaluation.density import num_levels
from ppgen.evaluation.factorised_density import factorised_log_prob


def test_all_binary_images_have_probability_one_together() -> None:
    train = (torch.rand(20, 1, 2, 3) < 0.3).float()
    images = torch.tensor([[(i >> bit) & 1 for bit in range(6)] for i in range(64)]).float().reshape(64, 1, 2, 3)
    total = factorised_log_prob(train, images, "binary").exp().sum()
    torch.testing.assert_close(total, torch.ones((), dtype=torch.float64))


def test_laplace_never_rules_a_value_out() -> None:
    log_prob = factorised_log_prob(torch.zeros(8, 1), torch.ones(1, 1), "binary")
    assert log_prob.item() == pytest.approx(math.log(1 / 10))


def test_gaussian_against_torch() -> None:
    train, test = 3.0 * torch.randn(5000, 4) + 1.0, torch.randn(7, 4)
    expected = torch.distributions.Normal(train.mean(0), train.std(0)).log_prob(test).sum(1).double()
    torch.testing.assert_close(factorised_log_prob(train, test, "continuous"), expected, rtol=1e-3, atol=1e-3)


def test_a_constant_dimension_keeps_the_gaussian_finite() -> None:
    train = torch.randn(100, 2)
    train[:, 1] = 0.0
    assert torch.isfinite(factorised_log_prob(train, train, "unit interval")).all()


def test_what_has_no_trivial_density_is_refused() -> None:
    grey = torch.full((3, 2), 0.5)
    with pytest.raises(DataError, match="other values than 0 and 1"):
        factorised_log_prob(grey, grey, "binary")
    with pytest.raises(DataError, match="all training data are equal"):
        factorised_log_prob(grey, grey, "continuous")
    with pytest.raises(DataError, match="one shape"):
        factorised_log_prob(grey, torch.zeros(3, 4), "continuous")
    with pytest.raises(SettingError, match="measure"):
        factorised_log_prob(grey, grey, "8-bit")


def test_an_exact_density_beside_the_trivial_one(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    card = evaluate(fit, ["density"], num_particles=7, progress=False)
    assert set(card["density"]) == {"log_prob", "bits_per_dim"}  # the ELBO of an exact density is the density
    assert card.refusals == {}
    exact, trivial = card["density"]["log_prob"], card.baselines_of("log_prob")["factorised Bernoulli"]
    assert exact.kind == trivial.kind == "exact"
    assert exact.value == pytest.approx(trivial.value)  # the stand-in's density is the factorised Bernoulli
    assert exact.standard_error == pytest.approx(trivial.standard_error)
    assert exact.num_data == 360
    assert card.per_datum is not None
    np.testing.assert_allclose(card.per_datum.mean(), exact.value)
    assert card["density"]["bits_per_dim"].value == pytest.approx(-exact.value / (64 * np.log(2.0)))
    assert (exact.of, exact.num_dims, trivial.of, card.density_of) == ("p(x)", 64, "p(x)", "p(x)")


def test_a_bound_keeps_its_kind_and_has_an_elbo(fake_fit: Callable[..., Any]) -> None:
    found = evaluate(fake_fit(kind="lower bound", conditional=True), ["density"], num_particles=7, progress=False)
    assert found["density"]["log_prob"].kind == "lower bound"
    assert found["density"]["log_prob"].estimator == "IWAE-7"
    assert found["density"]["bits_per_dim"].kind == "upper bound"
    assert found["density"]["elbo"].estimator == "ELBO-10"
    assert {estimate.of for estimate in found["density"].values()} == {"p(x | y)"}


def test_what_shares_log_densities_computes_them_once(
    fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, asked = fake_fit(kind="lower bound"), []
    compute = fit.log_prob_per_datum

    def counted(data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Any:
        asked.append(("all" if data is None else len(data["x"]), num_particles))
        return compute(data, num_particles, seed=seed)

    monkeypatch.setattr(fit, "log_prob_per_datum", counted)
    evaluate(fit, ["elbo"], num_particles=7, progress=False)
    assert [size for size, particles in asked if particles == 7] == [2]  # two data points tell that it is a bound
    asked.clear()
    evaluate(fit, ["density"], num_particles=7, progress=False)
    assert [size for size, particles in asked if particles == 7] == [2, "all"]


def test_another_measure_has_neither_the_baseline_nor_bits(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    fit.data = ppgen.data.from_tensors(
        {split: dict(fit.data.split(split)) for split in ("train", "valid", "test")}, measure="continuous"
    )
    card = evaluate(fit, ["density"], progress=False)
    assert set(card["density"]) == {"log_prob"}
    assert set(card.baselines_of("log_prob")) == {"factorised Gaussian"}
    assert card.baselines_of("bits_per_dim") == {}


def test_a_global_latent_is_charged_to_all_training_data(fake_fit: Callable[..., Any]) -> None:
    """And not to the test split, as the bound of that would."""
    fit = fake_fit(kind="lower bound")
    fit.model.sites["w"] = Site("w", "latent", (), local=False)
    card = evaluate(fit, ["log_prob", "elbo", "elbo_of_training_data"], progress=False)
    assert set(card["density"]) == {"log_prob", "elbo_of_training_data"}
    assert card.refusals == {}
    train = fit.data.split("train")
    size, whole = len(train["x"]), card["density"]["elbo_of_training_data"]
    assert whole.value == pytest.approx(size * fit.elbo(train).value)
    assert (whole.per, whole.num_data, whole.of) == ("data set", size, "p(training data)")


def test_a_density_is_called_by_what_it_explains_and_what_it_is_told(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    assert (fit.covariates, fit.observed, fit.density_of) == ([], ["x"], "p(x)")
    fit = fake_fit(conditional=True)
    assert (fit.covariates, fit.observed, fit.density_of) == (["y"], ["x"], "p(x | y)")
    fit.model.sites["y"] = Site("y", "observed", ())
    assert (fit.covariates, fit.density_of) == ([], "p(x, y)")


def test_a_covariate_that_the_data_lack_was_optional(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    fit.model.sites["x"] = Site("x", "observed", ("z", "mask"), optional=frozenset({"mask"}))
    assert fit.covariates == []


class Pixels(ppgen.Model):
    """Independent Gaussian pixels, no narrower than a floor."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self.loc = torch.nn.Parameter(torch.full((1, 8, 8), 0.3))
        self.raw = torch.nn.Parameter(torch.full((1, 8, 8), -1.0))
        self.floor = floor

    @ppgen.observed
    def x(self) -> Any:
        return dist.Normal(self.loc, torch.nn.functional.softplus(self.raw) + self.floor).to_event(3)


@pytest.mark.parametrize("dequantize", [False, True])
def test_continuous_densities_of_grey_levels_are_ranked_once_they_are_dequantised(dequantize: bool) -> None:
    data = ppgen.data.load("digits", binarize=None, dequantize=dequantize)
    fits = [ppgen.fit(Pixels(floor), data, max_epochs=3, learning_rate=0.1, progress=False) for floor in (0.5, 0.01)]
    wide, narrow = (evaluate(fit, ["density"], progress=False) for fit in fits)
    trivial = wide.baselines_of("log_prob")["factorised Gaussian"]
    stored = [data.split(split)["x"] for split in ("train", "test")]
    assert trivial.value == pytest.approx(factorised_log_prob(*stored, "continuous").mean().item())
    pair = compare({"wide": wide, "narrow": narrow}).pairs[0]
    if dequantize:
        assert pair.winner == "narrow"
    else:
        assert "a continuous density of 17 levels of x has no upper bound" in pair.verdict
        assert "dequantize=True" in pair.verdict
        assert "17 levels of x" in str(wide)


def test_levels_are_told_from_values_that_mostly_differ() -> None:
    assert num_levels(torch.arange(400).reshape(100, 4) % 3 / 2) == 3
    assert num_levels(torch.randn(100, 4)) == 0
    assert num_levels(torch.cat([torch.randn(300), torch.zeros(100)])) == 0  # some zeros are no grid
    assert num_levels(torch.zeros(40, 2)) == 1


def test_data_without_spread_have_no_trivial_gaussian_and_keep_their_density() -> None:
    data = ppgen.data.from_tensors({"x": torch.full((40, 1, 8, 8), 0.5)}, measure="continuous")
    fit = ppgen.fit(Pixels(0.5), data, max_epochs=1, progress=False)
    card = evaluate(fit, ["log_prob"], progress=False)
    assert card["density"]["log_prob"].kind == "exact"
    assert not card.baselines_of("log_prob")
