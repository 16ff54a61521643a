"""Distances of draws from gold draws, against closed forms of Gaussians."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ppgen.errors import DataError
from ppgen.evaluation import posterior_distance


def gold(num_data: int = 3, dim: int = 2) -> Tensor:
    return torch.randn(4000, num_data, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@settings(max_examples=10, deadline=None)
@given(shift=st.floats(-3, 3), ratio=st.floats(0.2, 4), unit=st.floats(1e-3, 1e3))
def test_a_moved_and_stretched_gaussian_is_as_far_as_it_was_moved_in_any_unit(
    shift: float, ratio: float, unit: float
) -> None:
    theirs = gold(dim=1)
    center, spread = theirs.mean(0), theirs.std(0)
    ours = center + shift * spread + ratio * (theirs - center)
    found = posterior_distance({"z": unit * ours}, {"z": unit * theirs})
    assert torch.allclose(found.mean_shift, torch.full((3,), abs(shift), dtype=torch.float64), atol=1e-6)
    assert torch.allclose(found.scale_ratio, torch.full((3,), ratio, dtype=torch.float64), rtol=1e-6)
    assert torch.allclose(found.covariance_error, torch.full((3,), abs(ratio**2 - 1), dtype=torch.float64), atol=1e-6)


def test_the_sliced_distance_of_a_shift_is_its_mean_projection() -> None:
    theirs = gold(dim=1)
    found = posterior_distance({"z": theirs + 1.5 * theirs.std(0)}, {"z": theirs})
    assert torch.allclose(found.sliced_wasserstein, torch.full((3,), 1.5, dtype=torch.float64), atol=1e-6)
    plane = gold(dim=2)
    moved = plane + torch.tensor([1.0, 0.0]) * plane.std(0)
    generator = torch.Generator().manual_seed(1)
    across = posterior_distance({"z": moved}, {"z": plane}, generator=generator).sliced_wasserstein
    assert torch.allclose(across, torch.full((3,), 2 / math.pi, dtype=torch.float64), atol=0.1)  # E|cos|


def test_a_lost_correlation_shows_in_the_covariance_alone() -> None:
    plane = gold(dim=2)
    correlated = torch.stack([plane[..., 0], 0.8 * plane[..., 0] + 0.6 * plane[..., 1]], -1)
    found = posterior_distance({"z": gold(dim=2).roll(1, 0)}, {"z": correlated})
    assert found.mean_shift.max() < 0.06
    assert (found.scale_ratio - 1).abs().max() < 0.05
    assert (found.covariance_error - math.sqrt(2 * 0.64 / (2 + 2 * 0.64))).abs().max() < 0.05


def test_numbers_that_never_move_do_not_count() -> None:
    theirs = torch.cat([gold(dim=1), torch.zeros(4000, 3, 1)], -1)
    found = posterior_distance({"z": theirs + torch.tensor([1.0, 0.0])}, {"z": theirs})
    assert torch.allclose(found.mean_shift, (1 / theirs[..., 0].std(0)), atol=1e-9)


def test_draws_of_other_data_are_refused() -> None:
    with pytest.raises(DataError, match="not draws of the same latents"):
        posterior_distance({"z": gold(2)}, {"z": gold(3)})
    with pytest.raises(DataError, match="one draw has no spread"):
        posterior_distance({"z": gold(2)[:1]}, {"z": gold(2)})
