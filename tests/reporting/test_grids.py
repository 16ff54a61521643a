"""Data points as pictures or vectors, and samples in grids that can be compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ppgen.errors import DataError
from ppgen.reporting import grids
from ppgen.reporting.grids import joint_limits, to_points
from ppgen.reporting.mosaic import mosaic


def test_every_tile_is_its_picture_and_gaps_are_transparent() -> None:
    pictures = np.random.default_rng(0).uniform(size=(5, 3, 4, 6))
    image = mosaic(pictures, columns=2, limits=(0.0, 1.0))
    assert image.shape == (3 * 5 - 1, 2 * 7 - 1, 4)
    for index, picture in enumerate(pictures):
        top, left = 5 * (index // 2), 7 * (index % 2)
        tile = image[top : top + 4, left : left + 6]
        np.testing.assert_array_equal(tile[..., :3], np.round(255 * picture).transpose(1, 2, 0))
        assert (tile[..., 3] == 255).all()
    assert (image[4] == 0).all()
    assert (image[-1, -1] == 0).all()  # where the sixth would be


def test_grey_is_the_same_in_all_channels_and_limits_clip() -> None:
    image = mosaic(np.array([[[[-1.0, 0.0, 1.0, 3.0]]]]), columns=1, limits=(0.0, 2.0))
    np.testing.assert_array_equal(image[0, :, 0], [0, 0, 128, 255])
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((7,), (7, 1)),
        ((7, 5), (7, 5)),
        ((7, 8, 9), (7, 1, 8, 9)),
        ((7, 1, 8, 9), (7, 1, 8, 9)),
        ((7, 3, 8, 9), (7, 3, 8, 9)),
        ((7, 5, 8, 9), (7, 1, 8, 9)),
        ((7, 2, 3, 4, 5), (7, 120)),
    ],
)
def test_any_shape_is_a_picture_or_a_vector(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert to_points(torch.zeros(shape)).shape == expected


def test_integers_bools_and_gradients_are_drawn_too() -> None:
    assert to_points(torch.ones(2, 3, requires_grad=True)).dtype == np.float64
    assert to_points(np.ones((2, 3), dtype=bool)).sum() == 6


@pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.array(1.0), np.array([[np.nan]]), torch.tensor([[float("inf")]])])
def test_what_cannot_be_drawn_is_refused(bad: object) -> None:
    with pytest.raises(DataError):
        to_points(bad)


def test_limits_are_those_of_the_reference() -> None:
    pictures = np.full((2, 1, 2, 2), 0.3)
    assert joint_limits([pictures, 5 * pictures]) == (0.0, 1.0)
    assert joint_limits([10 * pictures - 1, pictures]) == (1.5, 2.5)  # constant, outside [0, 1]
    vectors = np.array([[0.0, 2.0]])
    assert joint_limits([vectors, vectors - 3]) == (-3.0, 2.0)


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
