from __future__ import annotations

import math

import pytest
import torch

from ppgen.data import Dataset
from ppgen.errors import DataError, SettingError
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


def test_digits(digits: Dataset) -> None:
    train, test = digits.split("train")["x"], digits.split("test")["x"]
    p = (train.sum(0) + 1) / (len(train) + 2)
    expected = torch.distributions.Bernoulli(p).log_prob(test).flatten(1).sum(1).double()
    torch.testing.assert_close(factorised_log_prob(train, test, "binary"), expected, rtol=1e-4, atol=1e-4)


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
