from __future__ import annotations

import numpy as np
import pytest
import torch

from ppgen.errors import DataError
from ppgen.reporting.pictures import joint_limits, mosaic, to_points


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
