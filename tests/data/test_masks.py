from __future__ import annotations

import pytest
import torch

from ppgen.data import from_tensors, load, partial_labels, quadrants
from ppgen.errors import SettingError

TOP_LEFT, TOP_RIGHT = (slice(0, 4), slice(0, 4)), (slice(0, 4), slice(4, 8))
BOTTOM_LEFT, BOTTOM_RIGHT = (slice(4, 8), slice(0, 4)), (slice(4, 8), slice(4, 8))
SEEN = {1: [BOTTOM_LEFT], 2: [BOTTOM_LEFT, TOP_LEFT], 3: [BOTTOM_LEFT, TOP_LEFT, BOTTOM_RIGHT]}


@pytest.mark.parametrize("observed", SEEN)
def test_the_quadrants_of_the_paper_are_seen(observed):
    batch = quadrants(load("digits"), observed).split("test")
    for place in (TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT):
        assert (batch["mask"][:, 0, *place] == float(place in SEEN[observed])).all()
    assert torch.equal(batch["given"], batch["x"] * batch["mask"])
    assert batch["mask"].dtype == batch["x"].dtype
    assert batch["given"].shape == batch["x"].shape == (360, 1, 8, 8)


def test_what_is_seen_is_of_the_bits_that_were_drawn():
    data = quadrants(load("digits", binarize="dynamic"), 2)
    assert data.random
    generator = torch.Generator().manual_seed(0)
    first, second = (data.transform(data.splits["train"], generator) for _ in range(2))
    assert not torch.equal(first["x"], second["x"])
    for batch in (first, second):
        assert torch.equal(batch["given"], batch["x"] * batch["mask"])
    assert not quadrants(load("digits")).random


def test_images_and_labels_stay_and_the_columns_are_named():
    digits = load("digits")
    data = quadrants(partial_labels(digits, 5), 1)
    assert data.keys == ("x", "y", "given", "mask")
    assert "given, mask: 1 of 4 quadrants seen" in repr(data)
    assert torch.equal(data.split("valid")["x"], digits.split("valid")["x"])
    assert data.origin is digits
    again = load(**data.spec)
    assert again.fingerprint("train") == data.fingerprint("train")
    assert again.keys == data.keys


def test_floats_without_a_transform_have_quadrants_too():
    batch = quadrants(from_tensors(torch.rand(20, 3, 5, 6)), 1).split("train")
    assert batch["mask"][0, :, 2:, :3].eq(1).all()
    assert batch["mask"].sum() == len(batch["x"]) * 3 * 3 * 3


def test_wrong_numbers_vectors_and_a_second_mask_are_refused():
    for observed in (0, 4, 1.5, True):
        with pytest.raises(SettingError, match="out of range"):
            quadrants(load("digits"), observed)
    with pytest.raises(SettingError, match="only images"):
        quadrants(from_tensors(torch.rand(20, 8)))
    with pytest.raises(SettingError, match="'given' already"):
        quadrants(quadrants(load("digits")), 2)
