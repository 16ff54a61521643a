"""The moving average of weights against its own sum, and what it keeps of the beginning."""

from __future__ import annotations

from math import prod

import pytest
import torch
from torch import Tensor, nn

from ppgen.training.averages import MovingAverage


def averaged(path: Tensor, decay: float) -> Tensor:
    """The average after the steps of a path ``[steps, 3]``."""
    parameter = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    average = MovingAverage([parameter], decay)
    for weights in path:
        parameter.data.copy_(weights)
        average.update()
    with average.applied():
        found = parameter.detach().clone()
    assert torch.equal(parameter.detach(), path[-1])
    return found


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_it_is_a_weighted_sum_of_all_steps(decay: float) -> None:
    path = torch.randn(60, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    decays = [0.0, *(min(decay, (1 + t) / (10 + t)) for t in range(1, 60))]
    weights = [(1 - d) * prod(decays[t + 1 :]) for t, d in enumerate(decays)]
    assert sum(weights) == pytest.approx(1.0)
    torch.testing.assert_close(averaged(path, decay), torch.tensor(weights, dtype=torch.float64) @ path)


def test_a_short_fit_does_not_end_with_the_weights_that_it_began_with() -> None:
    path = torch.zeros(1000, 3, dtype=torch.float64)
    path[0] = 1.0
    assert averaged(path, 0.999).max() < 1e-10  # at a constant decay 0.37


def test_it_goes_on_where_it_was_kept() -> None:
    path = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    parameter = nn.Parameter(torch.zeros(3))
    straight, first, second = (MovingAverage([parameter], 0.99) for _ in range(3))
    for weights in path[:10]:
        parameter.data.copy_(weights)
        straight.update()
        first.update()
    second.restore(first.state())
    for weights in path[10:]:
        parameter.data.copy_(weights)
        straight.update()
        second.update()
    assert torch.equal(second.values[0], straight.values[0])
