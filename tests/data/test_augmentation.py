"""Copies are affine maps of their images, and nothing else of a data set changes."""

from __future__ import annotations

import math

import pytest
import torch

import ppgen.data
from ppgen.data import Dataset, augmented
from ppgen.errors import SettingError

HEIGHT, WIDTH, ROWS = 24, 32, 30


@pytest.fixture(scope="module")
def coordinates() -> Dataset:
    """Images whose two channels are where each pixel is, across and down, from the centre."""
    across, down = torch.arange(WIDTH) - (WIDTH - 1) / 2, torch.arange(HEIGHT) - (HEIGHT - 1) / 2
    where = torch.stack([across.expand(HEIGHT, WIDTH), down[:, None].expand(HEIGHT, WIDTH)])
    return ppgen.data.from_tensors({"x": where.repeat(ROWS, 1, 1, 1), "y": torch.arange(ROWS) % 3})


def found(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The maps that made images of coordinates, [N, 2, 2] and [N, 2], by least squares over the middle of each."""
    middle = (..., slice(8, -8), slice(8, -8))
    across, down = torch.arange(WIDTH) - (WIDTH - 1) / 2, torch.arange(HEIGHT) - (HEIGHT - 1) / 2
    plain = torch.stack([across.expand(HEIGHT, WIDTH), down[:, None].expand(HEIGHT, WIDTH)])[middle].flatten(1)
    design = torch.cat([plain, torch.ones(1, plain.shape[1])]).T.double()
    values = images[middle].flatten(2).double()
    solved = values @ torch.linalg.pinv(design).T
    assert torch.allclose(solved @ design.T, values, atol=0.15)  # torch's cubic kernel bends a slope by a little
    return solved[..., :2], solved[..., 2]


def test_a_copy_is_a_similarity_within_its_limits_whatever_the_shape(coordinates: Dataset) -> None:
    more = augmented(coordinates, 20, shift=2.0, turn=40.0, scale=0.1)
    maps, shifts = found(more.splits["train"]["x"][coordinates.size() :])
    sizes = torch.linalg.det(maps).sqrt()
    angles = torch.atan2(maps[:, 1, 0], maps[:, 0, 0]) * 180 / math.pi
    assert torch.allclose(maps.mT @ maps, sizes[:, None, None] ** 2 * torch.eye(2).double(), atol=0.05)
    for values, low, high in ((angles, -40.0, 40.0), (sizes, 1 / 1.1, 1.1), (shifts, -2.0, 2.0)):
        assert low - 0.02 < values.min() < low + 0.1 * (high - low)
        assert high + 0.02 > values.max() > high - 0.1 * (high - low)


def test_a_mirrored_copy_is_the_image_or_its_mirror_image() -> None:
    digits = ppgen.data.load("digits", binarize=None)
    x = digits.splits["train"]["x"]
    copy = augmented(digits, 1, mirror=True).splits["train"]["x"][len(x) :]
    same, mirrored = ((copy == other).flatten(1).all(1) for other in (x, x.flip(-1)))
    assert copy.dtype == x.dtype
    assert bool((same | mirrored).all())
    assert 0.4 < float(mirrored.float().mean()) < 0.6


def test_bits_stay_bits_and_levels_in_their_range() -> None:
    for binarize in ("static", None):
        digits = ppgen.data.load("digits", binarize=binarize)
        before, after = (data.splits["train"]["x"] for data in (digits, augmented(digits, 2, shift=1.0, turn=10.0)))
        assert set(after.unique().tolist()) <= set(before.unique().tolist())


def test_images_of_a_row_move_alike_and_labels_stay(coordinates: Dataset) -> None:
    x, y = (coordinates.splits["train"][key] for key in ("x", "y"))
    data = ppgen.data.from_tensors({"train": {"x": x, "given": x.double(), "y": y}})
    train = augmented(data, 2, shift=2.0, turn=6.0).splits["train"]
    assert torch.allclose(train["x"].double(), train["given"], atol=1e-3)
    assert torch.equal(train["y"], y.repeat(3))
    assert torch.equal(train["x"][: len(x)], x)
    assert not torch.allclose(train["x"][len(x) : 2 * len(x)], train["x"][2 * len(x) :], atol=0.1)


def test_other_splits_stay_and_a_run_folder_makes_it_again() -> None:
    digits = ppgen.data.load("digits")
    more = augmented(digits, 2, shift=1.0, seed=3)
    for split in ("valid", "test"):
        assert torch.equal(more.split(split)["x"], digits.split(split)["x"])
    assert more.origin is digits
    assert more.protocol == digits.protocol + "; 2 moved copies to train on of each, seed 3"
    assert ppgen.data.load(**more.spec).fingerprint("train") == more.fingerprint("train")


@pytest.mark.parametrize(
    "wrong", [{}, {"shift": -1.0}, {"turn": float("nan")}, {"scale": 1.0}, {"shift": 24.0}, {"copies": 0, "shift": 1.0}]
)
def test_copies_that_would_not_move_and_limits_out_of_range_are_refused(coordinates: Dataset, wrong: dict) -> None:
    with pytest.raises(SettingError, match=r"augmented: "):
        augmented(coordinates, **wrong)


def test_data_without_images_are_refused() -> None:
    with pytest.raises(SettingError, match="no images to move"):
        augmented(ppgen.data.from_tensors(torch.randn(20, 3)), shift=1.0)
