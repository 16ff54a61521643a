"""The manifold is the grid of the prior's quantiles."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from tests.walks.conftest import DOWN, UP


def test_the_grid_grows_right_and_up(levels: Fit) -> None:
    walk = levels.manifold(steps=3)
    low, high = Normal(0.0, 1.0).icdf(torch.tensor([0.05, 0.95])).tolist()
    across, up = torch.tensor([low, 0.0, high]), torch.tensor([high, 0.0, low])
    expected = torch.stack([across.expand(3, 3), up.reshape(3, 1).expand(3, 3)], -1)
    assert torch.allclose(walk.latents["b"], expected, atol=1e-6)
    assert torch.allclose(walk.coordinates, expected, atol=1e-6)
    assert torch.allclose(walk.latents["a"], expected @ DOWN, atol=1e-6)


def test_two_dimensions_of_more_are_named_and_a_datum_gives_the_rest(noise: Fit, levels: Fit, rows: Tensor) -> None:
    start = {"z": torch.tensor([[7.0, 8.0, 9.0]])}
    walk = noise.manifold(dims=[2, 0], x=start, steps=2)
    assert torch.equal(walk.latents["z"][..., 1], torch.full((2, 2), 8.0))
    assert walk.latents["z"][0, 1, 2] > 0 > walk.latents["z"][0, 0, 2]
    assert walk.latents["z"][0, 0, 0] > 0 > walk.latents["z"][1, 0, 0]
    held = levels.manifold("a", x=rows[:1], steps=2)
    assert torch.allclose(held.latents["b"], (rows[:1, :2] @ UP).expand(2, 2, 2))


def test_bad_inputs_are_refused_by_name(noise: Fit, levels: Fit, classes: Fit, rows: Tensor) -> None:
    with pytest.raises(SettingError, match="z has 3 dimensions, and a picture has two"):
        noise.manifold()
    with pytest.raises(SettingError, match="z has no dimension 5"):
        noise.manifold(dims=[0, 5])
    with pytest.raises(SettingError, match="a grid has two"):
        noise.manifold(dims=[1])
    with pytest.raises(SettingError, match="x of one row"):
        levels.manifold(x=rows[:2])
    with pytest.raises(Unanswerable, match="c is discrete"):
        classes.manifold("c", y=0)
