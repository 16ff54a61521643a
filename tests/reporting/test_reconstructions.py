from __future__ import annotations

import numpy as np
import pytest

from ppgen.errors import DataError
from ppgen.reporting import reconstructions
from ppgen.reporting.grids import mosaic

RNG = np.random.default_rng(0)


def test_each_picture_stands_above_its_reconstruction() -> None:
    upper, lower = RNG.uniform(size=(8, 1, 4, 4)), RNG.uniform(size=(8, 1, 4, 4))
    drawn = reconstructions(upper, lower, columns=6)
    assert len(drawn.figure.axes) == 2
    for line, axes in enumerate(drawn.figure.axes):
        rows = slice(6 * line, 6 * line + 6)
        image = np.asarray(axes.images[0].get_array())
        np.testing.assert_array_equal(image[:4], mosaic(upper[rows], 6, (0.0, 1.0)))
        np.testing.assert_array_equal(image[-4:], mosaic(lower[rows], 6, (0.0, 1.0)))
        assert [label.get_text() for label in axes.get_yticklabels()] == ["data", "reconstruction"]
    error = np.sqrt(((upper - lower) ** 2).mean())
    assert f"{error:.3f}" in drawn.caption


def test_pairs_are_joined() -> None:
    upper, lower = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2))
    (axes,) = reconstructions(upper, lower).figure.axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), upper)
    np.testing.assert_allclose(axes.collections[1].get_offsets(), lower)
    for line, start, end in zip(axes.lines, upper, lower, strict=True):
        np.testing.assert_allclose(line.get_xydata(), [start, end])


def test_single_numbers_stand_against_the_identity() -> None:
    (axes,) = reconstructions(np.array([1.0, 2.0]), np.array([1.5, 2.5])).figure.axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), [[1.0, 1.5], [2.0, 2.5]])


def test_longer_vectors_are_overlaid() -> None:
    upper, lower = RNG.normal(size=(12, 9)), RNG.normal(size=(12, 9))
    (axes,) = reconstructions(upper, lower).figure.axes
    assert [len(lines.get_segments()) for lines in axes.collections] == [12, 12]


def test_shapes_must_agree() -> None:
    with pytest.raises(DataError, match="differ in shape"):
        reconstructions(np.zeros((3, 2)), np.zeros((4, 2)))
