"""Courses over training."""

from __future__ import annotations

from typing import Any

import pytest

from ppgen.errors import SettingError
from ppgen.objectives.schedules import SCHEDULES, Ramp


def test_a_rise_is_linear_and_stays_up() -> None:
    assert [Ramp(10).at(epoch) for epoch in (0.0, 2.5, 10.0, 1e9, float("inf"))] == [0.0, 0.25, 1.0, 1.0, 1.0]
    assert Ramp().at(0.0) == 1.0


@pytest.mark.parametrize("cycles", [2, 3])
def test_a_cycle_rises_for_its_first_half_and_begins_again_at_0(cycles: int) -> None:
    """Fu et al., 2019, equation 6 and 7 with R = 1/2: tau = mod(t, T/M) / (T/M), weight tau/R up to R, then 1."""
    total = 8.0 * cycles
    for step in range(80 * cycles):
        epoch = step / 10
        tau = (epoch % (total / cycles)) / (total / cycles)
        assert Ramp(4.0, cycles).at(epoch) == pytest.approx(min(1.0, tau / 0.5))
    assert Ramp(4.0, cycles).at(total) == 1.0


@pytest.mark.parametrize(
    "settings",
    [{"warmup": -1}, {"warmup": float("inf")}, {"warmup": True}, {"warmup": 1, "cycles": 0}, {"cycles": 2}],
    ids=str,
)
def test_a_course_that_is_none_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"warmup|cycles"):
        Ramp(**settings)


def test_courses() -> None:
    assert [SCHEDULES["constant"](t) for t in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]
    assert [SCHEDULES["cosine"](t) for t in (0.0, 0.5, 1.0, 1.5)] == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=1e-12)
    assert SCHEDULES["cosine"](0.25) == pytest.approx(0.853553, abs=1e-6)
