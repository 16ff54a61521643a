from __future__ import annotations

from typing import Any

import pytest

from ppgen import Estimate
from ppgen.errors import DataError
from ppgen.reporting import bottleneck


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
