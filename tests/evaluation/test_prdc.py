from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ppgen.errors import DataError
from ppgen.evaluation import density_and_coverage, expected_coverage, precision_and_recall
from ppgen.evaluation.feature_sets import check_feature_sets, chunks, distances, neighbour_radii, subset_errors


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


def test_radii_are_those_of_a_sort() -> None:
    points = torch.randn(60, 3, dtype=torch.float64)
    others = (points[:, None] - points[None]).norm(dim=-1).sort(dim=1).values
    for k in (1, 3, 5):
        # column 0 is the point itself
        torch.testing.assert_close(neighbour_radii(points, k), others[:, k], atol=1e-5, rtol=0.0)


def test_copies_touch_although_their_distance_is_rounded() -> None:
    points = torch.randn(40, 64, dtype=torch.float64).repeat(4, 1)
    radii = neighbour_radii(points, k=3)  # three copies: the radius is zero but for rounding
    assert radii.max() < 1e-4
    assert (distances(points, points) <= radii).sum(dim=1).eq(4).all()


def test_chunks_cover_all_rows_once_and_stay_small() -> None:
    slices = list(chunks(10_000, 10_000))
    assert [row for part in slices for row in range(10_000)[part]] == list(range(10_000))
    assert max(part.stop - part.start for part in slices) * 10_000 <= 4_000_000


def test_subset_errors_are_those_of_a_mean() -> None:
    real, generated = torch.randn(2000, 1), 3.0 * torch.randn(2000, 1)

    def statistic(real: Tensor, generated: Tensor) -> list[float]:
        return [(generated.mean() - real.mean()).item()]

    before = torch.get_rng_state()
    for largest in (1000, 100):  # delete-d with d = 1000 and d = 1900
        (error,) = subset_errors(statistic, real, generated, num_subsets=400, largest=largest)
        assert error == pytest.approx((10.0 / 2000) ** 0.5, rel=0.12)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("real", "generated", "text"),
    [
        (torch.zeros(20, 3), torch.zeros(21, 3), "same"),
        (torch.zeros(20, 3), torch.zeros(20, 4), "same"),
        (torch.zeros(20), torch.zeros(20, 1), r"\[N, F\]"),
        (torch.zeros(4, 3), torch.zeros(4, 3), "N >= 12"),
        (torch.zeros(20, 3), torch.full((20, 3), torch.nan), "generated features are not finite"),
    ],
)
def test_sets_that_do_not_compare_are_refused(real: Tensor, generated: Tensor, text: str) -> None:
    with pytest.raises(DataError, match=text):
        check_feature_sets(real, generated, smallest=12)
