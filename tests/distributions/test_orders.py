from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from ppgen.distributions import Order, orders
from ppgen.errors import SettingError

# The pixels of   0 1 2   in the order of their drawing.
#                 3 4 5
WALKS = {
    ((), False): [0, 1, 2, 3, 4, 5],
    ((0,), False): [3, 4, 5, 0, 1, 2],
    ((1,), False): [2, 1, 0, 5, 4, 3],
    ((0, 1), False): [5, 4, 3, 2, 1, 0],
    ((), True): [0, 3, 1, 4, 2, 5],
    ((0,), True): [3, 0, 4, 1, 5, 2],
    ((1,), True): [2, 5, 1, 4, 0, 3],
    ((0, 1), True): [5, 2, 4, 1, 3, 0],
}


@pytest.mark.parametrize(("flip", "transpose"), WALKS)
def test_the_eight_symmetries_walk_as_they_say(flip, transpose):
    order = orders.raster((2, 3), flip=flip, transpose=transpose)
    pixels = torch.arange(6).reshape(2, 3)
    assert order.arrange(pixels).flatten().tolist() == WALKS[flip, transpose]
    assert order.arrange(pixels).shape == order.scanned == ((3, 2) if transpose else (2, 3))


def test_each_symmetry_has_a_name_that_says_where_it_begins_and_goes() -> None:
    ways = {name: orders.named(name, (2, 3)) for name in orders.SYMMETRIES}
    walks = {name: way.arrange(torch.arange(6).reshape(2, 3)).flatten().tolist() for name, way in ways.items()}
    assert walks == {
        "raster": [0, 1, 2, 3, 4, 5],
        "bottom-up": [3, 4, 5, 0, 1, 2],
        "left-right": [0, 3, 1, 4, 2, 5],
        "right-left": [2, 5, 1, 4, 0, 3],
        "raster-mirrored": [2, 1, 0, 5, 4, 3],
        "bottom-up-mirrored": [5, 4, 3, 2, 1, 0],
        "left-right-mirrored": [3, 0, 4, 1, 5, 2],
        "right-left-mirrored": [5, 2, 4, 1, 3, 0],
    }
    assert sorted(walks.values()) == sorted(WALKS.values())
    assert {way.scanned for name, way in ways.items() if name.startswith(("left", "right"))} == {(3, 2)}


def test_a_vector_is_one_row() -> None:
    walks = {name: orders.named(name, (3,)).arrange(torch.arange(3)).tolist() for name in orders.SYMMETRIES}
    backwards = {"right-left", "right-left-mirrored", "raster-mirrored", "bottom-up-mirrored"}
    assert walks == {name: [2, 1, 0] if name in backwards else [0, 1, 2] for name in walks}


def test_an_order_made_already_is_given_back_if_it_fits() -> None:
    mixed = orders.permutation([4, 0, 5, 2, 1, 3], (2, 3))
    assert orders.named(mixed, (2, 3)) is mixed
    with pytest.raises(SettingError, match="unknown order 'sideways'"):
        orders.named("sideways", (2, 3))
    for misfit in (orders.raster((3, 2)), orders.diagonal((2, 3)), orders.raster((3, 2), transpose=True)):
        with pytest.raises(SettingError, match="not one for a network"):
            orders.named(misfit, (2, 3))


def test_a_sequence_is_read_forwards_or_backwards():
    words = torch.tensor([10, 11, 12])
    assert orders.raster((3,)).arrange(words) is words, "raster order costs nothing"
    assert orders.raster((3,), flip=(0,)).arrange(words).tolist() == [12, 11, 10]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (4, 1), (3, 5), (5, 3), (4, 4)])
def test_a_diagonal_order_draws_neighbours_above_and_to_the_left_first(height, width):
    order = orders.diagonal((height, width))
    assert order.scanned == (height * width,)
    cells = [
        divmod(cell, width) for cell in order.arrange(torch.arange(height * width).reshape(height, width)).tolist()
    ]
    assert cells == sorted(
        ((row, column) for row in range(height) for column in range(width)), key=lambda c: (sum(c), c)
    )


@pytest.mark.parametrize("positions", [(4,), (2, 2, 2)])
def test_only_images_have_diagonals(positions):
    with pytest.raises(SettingError, match="have no diagonals"):
        orders.diagonal(positions)


def test_channels_may_be_positions():
    order = orders.raster((3, 2, 2), flip=(0,))
    assert order.arrange(torch.arange(12).reshape(3, 2, 2)).flatten().tolist() == [8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3]


def every_kind() -> list[Order]:
    symmetries = [orders.raster((2, 3), flip=flip, transpose=transpose) for flip, transpose in WALKS]
    return [*symmetries, orders.diagonal((2, 3)), orders.permutation([4, 2, 0, 5, 1, 3], positions=(2, 3))]


def test_restore_undoes_arrange_whatever_stands_in_front():
    values = torch.randn(4, 5, 2, 3)
    for order in every_kind():
        assert torch.equal(order.restore(order.arrange(values)), values)
        assert order.arrange(values).shape == (4, 5, *order.scanned)
        assert len(order) == 6


def test_orders_are_different_ones():
    walks = [order.arrange(torch.arange(6).reshape(2, 3)).flatten() for order in every_kind()]
    assert not any(torch.equal(one, other) for one, other in itertools.combinations(walks, 2))


@pytest.mark.parametrize("index", [[0, 1, 1], [0, 1, 3], [1, 2, 3], [0.0, 1.0, 2.0], [0, 1], [[0, 1, 2]]])
def test_what_is_no_permutation_is_refused(index):
    with pytest.raises(SettingError, match="exactly once") as caught:
        orders.permutation(index, positions=(3,))
    assert caught.value.fix == "permutation(torch.randperm(3), positions=(3,))"


@pytest.mark.parametrize("positions", [(), (0, 3), (2.0, 3), (-1,), 4, None])
def test_lengths_that_are_none_are_refused(positions):
    with pytest.raises(SettingError, match="needs positions"):
        orders.raster(positions)


@pytest.mark.parametrize("flip", [(2,), (-1,), ("rows",)])
def test_a_dim_that_there_is_not_cannot_be_flipped(flip):
    with pytest.raises(SettingError, match="have no dim"):
        orders.raster((2, 3), flip=flip)


def test_one_dim_to_flip_is_given_in_a_sequence():
    with pytest.raises(SettingError, match="flip is no sequence") as caught:
        orders.raster((2, 3), flip=0)
    assert caught.value.fix == "flip=(0,)"
    with pytest.raises(SettingError, match="have no dim 'rows'"):
        orders.raster((2, 3), flip=["rows"])


def test_lengths_of_numpy_are_lengths():
    assert orders.raster(np.array([2, 3])).positions == (2, 3)
