"""What a code costs and what it buys: the rate-distortion plane, and reconstruction against the size of the code."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ppgen import Estimate
from ppgen.errors import DataError
from ppgen.reporting import bottleneck, rate_distortion

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


def error(value: float, standard_error: float | None = None) -> Estimate:
    return Estimate(value, standard_error, kind="unbiased", unit="squared", per="dimension")


def test_each_method_is_a_line_in_the_order_of_its_sizes() -> None:
    drawn = bottleneck({"PCA": {8: error(0.01), 2: error(0.04)}, "autoencoder": {2: error(0.03)}})
    lines: Any = drawn.figure.axes[0].lines
    assert [[list(axis) for axis in line.get_data()] for line in lines] == [[[2, 8], [0.04, 0.01]], [[2], [0.03]]]
    assert [text.get_text() for text in drawn.figure.axes[0].texts] == ["PCA", "autoencoder"]


def test_bars_are_two_standard_errors_each_way() -> None:
    bars: Any = bottleneck({"PCA": {2: error(0.04, 0.003)}}).figure.axes[0].collections[0]
    low, high = bars.get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.034, 0.046))


def test_the_caption_compares_methods_at_the_widest_code() -> None:
    drawn = bottleneck({"autoencoder": {2: error(0.03), 4: error(0.02)}, "PCA": {2: error(0.04)}})
    assert drawn.caption == "With 4 latent dimensions the squared error per dimension is 0.0200 for autoencoder."


@pytest.mark.parametrize("errors", [{}, {"PCA": {}}, {"PCA": {2: error(0.0)}}])
def test_an_error_that_no_logarithm_can_show_is_refused(errors: Any) -> None:
    with pytest.raises(DataError, match="bottleneck"):
        bottleneck(errors)
