"""Points on a line and on a ring: real numbers from a known density, drawn from a seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ppgen.data
from ppgen.data.points import POINTS, centres
from ppgen.errors import SettingError


@pytest.mark.parametrize("name", POINTS)
def test_every_gaussian_has_its_share_mean_and_spread(name: str) -> None:
    data = ppgen.data.load(name)
    assert data.measure == "continuous"
    columns = data.split("train")
    middle = centres(name)
    for mode, centre in enumerate(middle):
        own = columns["x"][columns["y"] == mode]
        assert len(own) == pytest.approx(8000 / len(middle), rel=0.1)
        torch.testing.assert_close(own.mean(0), centre, atol=0.03, rtol=0)
        torch.testing.assert_close(own.std(0), torch.full_like(centre, POINTS[name]), rtol=0.08, atol=0)


def test_a_seed_is_a_draw() -> None:
    first, again, other = (ppgen.data.load("ring", seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("settings", [{"binarize": "static"}, {"dequantize": True}], ids=str)
def test_real_numbers_have_no_grey_levels(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="no grey levels"):
        ppgen.data.load("line", **settings)
