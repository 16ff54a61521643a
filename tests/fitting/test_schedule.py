from __future__ import annotations

import pytest

from ppgen.fitting.schedule import SCHEDULES


def test_courses() -> None:
    assert [SCHEDULES["constant"](t) for t in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]
    assert [SCHEDULES["cosine"](t) for t in (0.0, 0.5, 1.0, 1.5)] == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=1e-12)
    assert SCHEDULES["cosine"](0.25) == pytest.approx(0.853553, abs=1e-6)
