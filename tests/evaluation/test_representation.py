from __future__ import annotations

import math

import pytest
import torch

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
