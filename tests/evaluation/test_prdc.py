from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ppgen.evaluation import density_and_coverage, expected_coverage, precision_and_recall


def share_inside(centres: Tensor, points: Tensor, k: int) -> float:
    """The definition, point by point."""
    inside = 0
    for point in points:
        for i, centre in enumerate(centres):
            others = sorted((centre - other).norm().item() for j, other in enumerate(centres) if j != i)
            if (centre - point).norm().item() <= others[k - 1]:
                inside += 1
                break
    return inside / len(points)


@pytest.mark.parametrize("k", [1, 3])
def test_against_the_definition(k: int) -> None:
    real, generated = torch.randn(25, 2, dtype=torch.float64), 0.8 * torch.randn(25, 2, dtype=torch.float64) + 1.5
    precision, recall = precision_and_recall(real, generated, k=k)
    assert precision.value == share_inside(real, generated, k)
    assert recall.value == share_inside(generated, real, k)
    assert 0.0 < precision.value < 1.0


def test_disjoint_clouds_share_nothing_and_copies_everything() -> None:
    cloud = torch.randn(50, 4)
    assert [e.value for e in precision_and_recall(cloud, cloud + 100.0)] == [0.0, 0.0]
    assert [e.value for e in precision_and_recall(cloud, cloud)] == [1.0, 1.0]
    assert [e.value for e in density_and_coverage(cloud, cloud + 100.0)] == [0.0, 0.0]


def test_discrete_data_with_copies_is_no_miss() -> None:
    bits = torch.randint(2, (200, 3)).float()  # eight values, each many times: every radius is zero
    assert [e.value for e in precision_and_recall(bits, bits[torch.randperm(200)])] == [1.0, 1.0]


def test_one_of_two_modes_is_precise_and_forgets_half() -> None:
    modes = torch.tensor([[0.0, 0.0], [50.0, 0.0]])
    real = torch.randn(400, 2) + modes.repeat(200, 1)
    generated = torch.randn(400, 2)
    precision, recall = precision_and_recall(real, generated)
    assert precision.value > 0.95
    assert recall.value == pytest.approx(0.5, abs=0.03)


def test_the_standard_error_is_the_spread_over_repetitions() -> None:
    pairs = [precision_and_recall(torch.randn(150, 6), 1.2 * torch.randn(150, 6)) for _ in range(60)]
    for estimates in zip(*pairs, strict=True):
        spread = torch.tensor([estimate.value for estimate in estimates]).std().item()
        claimed = sum(float(estimate.standard_error or 0.0) for estimate in estimates) / len(estimates)
        assert 0.75 * spread < claimed < 1.6 * spread


@pytest.mark.parametrize("k", [3, 5])
def test_one_distribution_has_density_one_and_the_coverage_of_the_closed_form(k: int) -> None:
    pairs = [density_and_coverage(torch.randn(120, 5), torch.randn(120, 5), k=k) for _ in range(80)]
    for estimates, exact in zip(zip(*pairs, strict=True), (1.0, expected_coverage(120, k)), strict=True):
        values = torch.tensor([estimate.value for estimate in estimates])
        assert abs(values.mean() - exact) < 3.0 * values.std() / math.sqrt(len(values))


def test_expected_coverage_by_hand() -> None:
    assert expected_coverage(3, k=1) == pytest.approx(1 - 2 / 5)  # the nearest of 2 real and 3 generated is generated
    assert expected_coverage(3, k=2) == pytest.approx(1 - (2 * 1) / (5 * 4))


def test_by_hand_on_a_line() -> None:
    real = torch.arange(12.0)[:, None]  # with k = 1, each ball reaches from i - 1 to i + 1
    generated = torch.full((12, 1), 4.5)  # in the balls around 4 and 5
    density, coverage = density_and_coverage(real, generated, k=1)
    assert density.value == 2.0
    assert coverage.value == pytest.approx(2 / 12)
