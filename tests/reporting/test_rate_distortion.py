from __future__ import annotations

import math
from typing import Any

import pytest

from ppgen.errors import DataError
from ppgen.reporting import rate_distortion

SWEEP = {"beta 0.1": (21.0, 13.0), "beta 1": (4.0, 20.0), "beta 4": (0.01, 27.0), "beta 8": (0.0, 27.0)}


def texts(illustration: Any) -> list[str]:
    return [text.get_text() for text in illustration.figure.axes[0].texts]


def test_each_fit_is_a_point_and_the_sweep_is_their_line() -> None:
    line: Any = rate_distortion(SWEEP).figure.axes[0].lines[0]
    assert list(zip(*line.get_data(), strict=True)) == list(SWEEP.values())


def test_the_isolines_are_all_points_of_one_elbo() -> None:
    """Through the best fit and the worst: rate + distortion is the same all along."""
    axes: Any = rate_distortion(SWEEP).figure.axes[0]
    for line, cost in zip(axes.lines[1:], (24.0, 34.0), strict=True):
        assert line.get_slope() == -1.0
        assert line.get_xy1() == (0.0, cost)
    assert axes.get_aspect() == 1.0


def test_the_caption_names_the_best_elbo_and_not_the_smallest_distortion() -> None:
    drawn = rate_distortion(SWEEP)
    assert drawn.caption == "The ELBO is highest for beta 1: rate 4.0 + distortion 20.0 = 24.0 nats per datum."
    assert {"ELBO −24.0", "ELBO −34.0"} < set(texts(drawn))


def test_names_that_would_lie_on_each_other_are_written_side_by_side() -> None:
    assert "beta 4, beta 8" in texts(rate_distortion(SWEEP))


def test_a_single_fit_has_a_plane_too() -> None:
    assert texts(rate_distortion({"vae": (0.0, 25.0)})) == ["vae", "ELBO −25.0"]


@pytest.mark.parametrize("points", [{}, {"a": (math.nan, 1.0)}, {"a": (1.0, 2.0), "b": (math.inf, 1.0)}])
def test_a_point_that_is_none_is_refused(points: Any) -> None:
    with pytest.raises(DataError, match="rate-distortion"):
        rate_distortion(points)
