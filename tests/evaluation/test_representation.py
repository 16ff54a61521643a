from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import pytest
import torch

import ppgen
from ppgen.errors import DataError
from ppgen.evaluation import count_active_units, reconstruction_error


def test_units_that_move_are_counted() -> None:
    codes = torch.randn(500, 5) * torch.tensor([1.0, 0.5, 0.2, 0.01, 0.0]) + 1000.0
    estimate = count_active_units(codes)
    assert estimate.value == 3.0
    assert estimate.standard_error == 0.0
    assert estimate.unit == "of 5"


def test_principal_directions_of_a_linear_gaussian_model() -> None:
    # p(x) = N(0, W W' + s^2 I), posterior mean M^-1 W' x with M = W'W + s^2 I (Tipping and Bishop, 1999): the mean of
    # unit d has variance lambda / (lambda + s^2), lambda = |W_d|^2 for orthogonal columns.
    lengths = torch.tensor([3.0, 1.0, 0.5, 0.05], dtype=torch.float64)
    loadings = torch.linalg.qr(torch.randn(10, 4, dtype=torch.float64))[0] * lengths
    x = torch.randn(4000, 4, dtype=torch.float64) @ loadings.mT + torch.randn(4000, 10, dtype=torch.float64)
    means = x @ loadings @ torch.linalg.inv(loadings.mT @ loadings + torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(means.var(0), lengths**2 / (lengths**2 + 1.0), rtol=0.1, atol=0.002)
    assert count_active_units(means).value == 3.0  # 0.0025 is below the threshold


def test_a_unit_at_the_threshold_is_uncertain() -> None:
    estimate = count_active_units(0.1 * torch.randn(400, 30))
    assert estimate.standard_error is not None
    assert 1.0 < estimate.standard_error < 5.0


def test_noise_of_averaged_draws_is_no_activity() -> None:
    """Means of 32 draws of a standard normal vary by 1 / 32 over data that say nothing."""
    noise = [torch.randn(360, 40) / 32**0.5 for _ in range(2)]
    assert count_active_units(noise[0]).value == 40.0  # what counting one average gives
    assert count_active_units(*noise).value == 0.0
    signal = torch.randn(360, 40) * 0.3
    assert count_active_units(signal + noise[0], signal + noise[1]).value == 40.0
    assert count_active_units(signal, signal).to_dict() == count_active_units(signal).to_dict()
    with pytest.raises(DataError):
        count_active_units(torch.zeros(3, 2), torch.zeros(3, 1))


class Dead(ppgen.Model):
    """x does not depend on z: the posterior is the prior for every x, so that no unit is active."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(1, 8, 8))

    @ppgen.latent
    def top(self) -> Any:
        return dist.Normal(torch.zeros(4), 1.0).to_event(1)

    @ppgen.latent
    def bottom(self, top: torch.Tensor) -> Any:
        return dist.Normal(top, 0.1).to_event(1)

    @ppgen.observed
    def x(self, bottom: torch.Tensor) -> Any:
        return dist.Bernoulli(logits=self.logits + 0 * bottom.sum(-1)[..., None, None, None]).to_event(3)


class ItsPosterior(ppgen.Guide):
    def __init__(self) -> None:
        super().__init__()
        self.loc = torch.nn.Parameter(torch.zeros(4))

    @ppgen.latent
    def top(self, x: torch.Tensor) -> Any:
        return dist.Normal(0 * self.loc + torch.zeros(len(x), 4), 1.0).to_event(1)

    @ppgen.latent
    def bottom(self, top: torch.Tensor) -> Any:
        return dist.Normal(top, 0.1).to_event(1)


def test_no_unit_of_a_dead_hierarchy_is_active() -> None:
    fit = ppgen.fit(Dead(), "digits", guide=ItsPosterior(), max_epochs=1, progress=False)
    card = ppgen.evaluate(fit, ["active_units"], progress=False)
    assert card["representation"]["active_units"].value == fit.history[-1]["valid"]["active_units/bottom"] == 0.0


def test_one_code_moves_nowhere() -> None:
    with pytest.raises(DataError):
        count_active_units(torch.zeros(1, 3))


def test_value_and_error_over_data_points() -> None:
    x = torch.zeros(3, 1, 2, 2)
    made = torch.stack([torch.full((1, 2, 2), value) for value in (1.0, 2.0, 3.0)])
    estimate = reconstruction_error(x, made)
    assert estimate.value == pytest.approx((1 + 4 + 9) / 3)
    assert estimate.standard_error == pytest.approx(torch.tensor([1.0, 4.0, 9.0]).std().item() / math.sqrt(3))
    assert reconstruction_error(x[:1], made[:1]).standard_error is None


def test_of_gaussian_noise_it_is_the_variance() -> None:
    x = torch.randn(2000, 10)
    estimate = reconstruction_error(x, x + 0.5 * torch.randn(2000, 10))
    assert estimate.standard_error is not None
    assert abs(estimate.value - 0.25) < 3.0 * estimate.standard_error


def test_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="shape of the data"):
        reconstruction_error(torch.zeros(3, 4), torch.zeros(3, 5))
