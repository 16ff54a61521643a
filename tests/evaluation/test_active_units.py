from __future__ import annotations

import pytest
import torch

from ppgen.errors import DataError
from ppgen.evaluation.active_units import count_active_units


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
