from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from ppgen.evaluation.kid import kid


def third_moment(mean: Tensor, covariance: Tensor) -> Tensor:
    """E[x x x] of a Gaussian."""
    mixed = torch.einsum("i,jk->ijk", mean, covariance)
    return torch.einsum("i,j,k->ijk", mean, mean, mean) + mixed + mixed.permute(1, 0, 2) + mixed.permute(1, 2, 0)


def exact_discrepancy(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """MMD^2 of two Gaussians: (x.y/d + 1)^3 compares the first three moments, weighted 3/d, 3/d^2 and 1/d^3."""
    d = len(mean)
    first = mean - other_mean
    second = covariance + torch.outer(mean, mean) - other_covariance - torch.outer(other_mean, other_mean)
    third = third_moment(mean, covariance) - third_moment(other_mean, other_covariance)
    return (3 / d * first.square().sum() + 3 / d**2 * second.square().sum() + third.square().sum() / d**3).item()


def draw(size: int, mean: Tensor, covariance: Tensor) -> Tensor:
    return mean + torch.randn(size, len(mean), dtype=torch.float64) @ torch.linalg.cholesky(covariance).mT


def two_gaussians() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    root = torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.8, -0.3], [0.1, 0.0, 1.2]], dtype=torch.float64)
    return (
        torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64),
        root @ root.mT,
        torch.tensor([0.0, 0.1, -0.2], dtype=torch.float64),
        0.7 * torch.eye(3, dtype=torch.float64),
    )


def test_it_is_unbiased_however_few_points_there_are() -> None:
    gaussians = two_gaussians()
    values = torch.tensor(
        [kid(draw(8, *gaussians[:2]), draw(8, *gaussians[2:])).value for _ in range(1500)], dtype=torch.float64
    )
    assert abs(values.mean() - exact_discrepancy(*gaussians)) < 3.0 * values.std() / math.sqrt(len(values))


def test_one_distribution_gives_zero_and_negative_values_stay() -> None:
    estimates = [kid(torch.randn(200, 8), torch.randn(200, 8)) for _ in range(100)]
    values = torch.tensor([estimate.value for estimate in estimates])
    outside = [abs(estimate.value) > 2.0 * float(estimate.standard_error or 0.0) for estimate in estimates]
    assert abs(values.mean()) < 3.0 * values.std() / math.sqrt(len(values))
    assert 30 < (values < 0.0).sum() < 80
    assert sum(outside) <= 8


def test_the_standard_error_is_the_spread_over_repetitions() -> None:
    estimates = [kid(torch.randn(100, 4), 1.3 * torch.randn(100, 4) + 0.4) for _ in range(150)]
    spread = torch.tensor([estimate.value for estimate in estimates]).std().item()
    claimed = sum(float(estimate.standard_error or 0.0) for estimate in estimates) / len(estimates)
    assert 0.85 * spread < claimed < 1.35 * spread


def test_against_the_definition_point_by_point() -> None:
    real, generated = torch.randn(7, 3, dtype=torch.float64), torch.randn(7, 3, dtype=torch.float64) + 0.5

    def discrepancy(r: Tensor, g: Tensor) -> float:
        def mean(pairs: list[tuple[Tensor, Tensor]]) -> float:
            return sum((a @ b / 3 + 1).item() ** 3 for a, b in pairs) / len(pairs)

        within = mean(list(itertools.permutations(r, 2))) + mean(list(itertools.permutations(g, 2)))
        return within - 2.0 * mean(list(itertools.product(r, g)))

    def jackknife(values: list[float]) -> float:
        centre = sum(values) / len(values)
        return (len(values) - 1) / len(values) * sum((value - centre) ** 2 for value in values)

    without = [torch.arange(7) != i for i in range(7)]
    variance = jackknife([discrepancy(real[keep], generated) for keep in without])
    variance += jackknife([discrepancy(real, generated[keep]) for keep in without])
    estimate = kid(real, generated)
    assert estimate.value == pytest.approx(discrepancy(real, generated), rel=1e-10)
    assert estimate.standard_error == pytest.approx(math.sqrt(variance), rel=1e-10)
