from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn

from ppgen.errors import DataError, SettingError
from ppgen.evaluation import compare, evaluate, fid

SHIFT = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
ROOT = torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.8, -0.3], [0.1, 0.0, 1.2]], dtype=torch.float64)


def as_published(real: Tensor, generated: Tensor) -> float:
    """The formula as Heusel and others compute it, by the square root of a matrix that is not symmetric."""
    (m, s), (n, t) = ((points.mean(0), np.cov(points, rowvar=False)) for points in (real.numpy(), generated.numpy()))
    return float(((m - n) ** 2).sum() + np.trace(s) + np.trace(t) - 2.0 * np.trace(sqrtm(s @ t)).real)


@pytest.mark.parametrize("num_features", [1, 3, 64])
def test_it_is_the_published_formula(num_features: int) -> None:
    real, generated = torch.randn(2, 300, num_features, dtype=torch.float64)
    generated = generated @ torch.randn(num_features, num_features, dtype=torch.float64) + 0.3
    published = (
        as_published(real, generated)
        if num_features > 1
        else ((real.mean() - generated.mean()) ** 2 + (real.std() - generated.std()) ** 2).item()
    )
    assert fid(real, generated).value == pytest.approx(published, rel=1e-6)


def gaussians_apart() -> float:
    """Between N(0, I) and N(SHIFT, ROOT ROOT'): the covariances commute, so that roots are of eigenvalues."""
    scales = torch.linalg.svdvals(ROOT)
    return (SHIFT.square().sum() + ((scales - 1.0) ** 2).sum()).item()


def test_two_gaussians_are_as_far_apart_as_known_and_the_error_is_the_spread() -> None:
    estimates = []
    for _ in range(200):
        real, generated = torch.randn(2, 400, 3, dtype=torch.float64)
        estimates.append(fid(real, generated @ ROOT.T + SHIFT))
    values = torch.tensor([estimate.value for estimate in estimates])
    claimed = sum(estimate.standard_error or 0.0 for estimate in estimates) / len(estimates)
    # Of a bias of order 1 / N nothing is known here, so that the mean is tried at the scale of single errors.
    assert abs(values.mean() - gaussians_apart()) < 0.5 * values.std()
    assert 0.85 * values.std() < claimed < 1.15 * values.std()
    real, generated = torch.randn(2, 200_000, 3, dtype=torch.float64)
    whole = fid(real, generated @ ROOT.T + SHIFT)
    assert abs(whole.value - gaussians_apart()) < 3.0 * (whole.standard_error or 0.0)


def test_copies_are_at_no_distance_and_a_flat_cloud_has_one() -> None:
    real = torch.randn(200, 4)
    assert fid(real, real[torch.randperm(200)]).value < 1e-12
    collapsed = fid(real, torch.ones(200, 4))
    assert collapsed.value == pytest.approx((real.double().mean(0) - 1).square().sum() + real.double().var(0).sum())
    assert math.isfinite(collapsed.standard_error or math.nan)
    flat = torch.cat([real, torch.zeros(200, 1)], 1)  # a feature that no data point has
    assert fid(flat, flat + 1).value == pytest.approx(5.0)


def test_it_is_biased_upwards_and_says_so() -> None:
    values = [fid(torch.randn(100, 8), torch.randn(100, 8)).value for _ in range(20)]
    assert min(values) > 0.0
    estimate = fid(torch.randn(100, 8), torch.randn(100, 8))
    assert (estimate.kind, estimate.better, estimate.num_data) == ("biased", "lower", 100)
    assert estimate.estimator == "8 features, 100 against 100"


def test_no_more_points_than_features_are_refused() -> None:
    with pytest.raises(DataError, match="a covariance of 8 features from 8 points is singular"):
        fid(torch.randn(8, 8), torch.randn(8, 8))


def test_samples_stand_beside_their_floor_and_few_are_refused(flat_fit: Any) -> None:
    card = evaluate(flat_fit, ["fid"], progress=False)
    found, floor = card["sampling"]["fid"], card.baselines_of("fid")["real/real"]
    assert found.num_data == floor.num_data == 60
    assert found.value > 3.0 * floor.value > 0.0  # independent pixels are no stripes
    few = evaluate(flat_fit, ["fid", "kid"], num_samples=12, progress=False)
    assert "12 features from 12 points is singular" in few.refusals["sampling", "fid"]
    assert few["sampling"]["kid"].num_data == 12


class Sums(nn.Module):
    """The pixels' sum and their number, times a weight, with a part that would draw if it were trained."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.noise = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.noise(self.factor * torch.stack([x.sum(1), x[:, 0]], 1))


def test_features_may_be_those_of_ones_own_network(flat_fit: Any) -> None:
    one, other = (evaluate(flat_fit, ["fid"], features=Sums(factor), progress=False) for factor in (1.0, 3.0))
    assert other["sampling"]["fid"].value == pytest.approx(9.0 * one["sampling"]["fid"].value)
    assert one["sampling"]["fid"].estimator == "2 features, 60 against 60"
    hashes = {card.facts["feature_network"] for card in (one, other, evaluate(flat_fit, ["fid"], progress=False))}
    assert len(hashes) == 3
    assert "do not compare" in str(compare({"one": one, "other": other}))
    network = Sums(1.0).train()
    again = evaluate(flat_fit, ["fid"], features=network, progress=False)
    assert again["sampling"]["fid"] == one["sampling"]["fid"]
    assert again.facts["feature_network"] == one.facts["feature_network"]
    assert network.noise.training


@pytest.mark.parametrize(
    "wrong", [lambda x: x[:3], lambda x: x.sum(), lambda x: x.long(), lambda x: x / 0.0, lambda x: {"features": x}]
)
def test_what_are_no_features_is_the_reason(flat_fit: Any, wrong: Callable[[Tensor], Any]) -> None:
    class Network(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return wrong(x)

    card = evaluate(flat_fit, ["fid"], features=Network(), progress=False)
    assert "Network: these are no features" in card.refusals["sampling", "fid"]


def test_a_function_is_no_network(flat_fit: Any) -> None:
    with pytest.raises(SettingError, match="features"):
        evaluate(flat_fit, ["fid"], features=torch.flatten, progress=False)  # type: ignore[arg-type]
