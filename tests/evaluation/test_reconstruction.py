from __future__ import annotations

import math

import pytest
import torch

from ppgen.errors import DataError
from ppgen.evaluation.reconstruction import reconstruction_error


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
