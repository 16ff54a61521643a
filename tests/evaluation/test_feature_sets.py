from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ppgen.errors import DataError
from ppgen.evaluation.feature_sets import check_feature_sets, chunks, distances, neighbour_radii, subset_errors


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
