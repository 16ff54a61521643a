from __future__ import annotations

import numpy as np
import pytest

from ppgen.errors import DataError
from ppgen.reporting import grids
from ppgen.reporting.pictures import mosaic

RNG = np.random.default_rng(0)


def test_pictures_are_drawn_pixel_by_pixel_in_panels() -> None:
    samples, data = RNG.uniform(size=(9, 1, 4, 4)), RNG.uniform(size=(9, 1, 4, 4))
    drawn = grids({"samples": samples, "test data": data})
    assert [axes.get_title(loc="left") for axes in drawn.figure.axes] == ["samples", "test data"]
    for axes, pictures in zip(drawn.figure.axes, (samples, data), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), mosaic(pictures, 3, (0.0, 1.0)))


def test_a_plain_tensor_is_one_panel() -> None:
    drawn = grids(RNG.uniform(size=(4, 3, 5, 5)))
    assert len(drawn.figure.axes) == 1
    assert drawn.alt == "4 pictures."


def test_samples_outside_the_datas_range_are_clipped_and_that_is_said() -> None:
    drawn = grids({"samples": 5 * RNG.normal(size=(4, 1, 3, 3)), "test data": RNG.uniform(size=(4, 1, 3, 3))})
    assert "clipped" in drawn.caption
    assert not grids({"a": np.zeros((1, 1, 2, 2)), "b": np.ones((1, 1, 2, 2))}).caption


def test_pairs_are_a_scatter_on_shared_axes() -> None:
    samples, data = RNG.normal(size=(20, 2)), 3 * RNG.normal(size=(20, 2))
    drawn = grids({"samples": samples, "test data": data})
    for axes, points in zip(drawn.figure.axes, (samples, data), strict=True):
        np.testing.assert_allclose(axes.collections[0].get_offsets(), points)
    one, other = drawn.figure.axes
    assert one.get_xlim() == other.get_xlim()


def test_single_numbers_are_histograms_of_equal_height() -> None:
    drawn = grids({"samples": RNG.normal(size=100), "test data": RNG.normal(size=100)})
    one, other = drawn.figure.axes
    assert one.get_ylim() == other.get_ylim()
    area = sum(bar.get_height() * bar.get_width() for bar in one.patches)
    assert area == pytest.approx(1.0)


def test_longer_vectors_are_a_grid_of_lines() -> None:
    vectors = RNG.normal(size=(7, 11))
    (axes,) = grids(vectors).figure.axes
    segments = axes.collections[0].get_segments()
    assert len(segments) == 7
    for line, vector in zip(segments, vectors, strict=True):
        assert np.corrcoef(line[:, 1], vector)[0, 1] == pytest.approx(1.0)


def test_panels_of_different_shapes_do_not_compare() -> None:
    with pytest.raises(DataError, match="different shapes"):
        grids({"samples": np.zeros((4, 3)), "test data": np.zeros((4, 2))})
