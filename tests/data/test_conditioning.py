"""What is made of a data set: attributes or given quadrants to condition on, and few labels to learn from."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ppgen.data import attributes, conditioning, from_tensors, load, partial_labels, quadrants
from ppgen.data.loading import apply
from ppgen.errors import SettingError


def test_steps_are_taken_in_order_and_remembered():
    steps = [["partial_labels", {"per_class": 3, "seed": 1, "key": "y"}], ["quadrants", {"observed": 2}]]
    data = load("digits", steps=steps)
    assert data.spec["steps"] == steps
    assert data.keys == ("x", "y", "given", "mask")
    digits = load("digits", binarize=None, seed=2)
    for derived in (attributes(digits, ["y"]), quadrants(partial_labels(digits, 4, seed=5))):
        again = load(**derived.spec)
        assert again.keys == derived.keys
        assert again.fingerprint("train") == derived.fingerprint("train")
    assert data.origin is not None
    assert data.origin.spec == load("digits").spec


def test_data_that_cannot_be_loaded_again_stays_so():
    data = from_tensors({"x": torch.randn(20, 2), "y": torch.arange(20) % 2})
    assert conditioning.derived(data, "partial_labels", {}).spec == {}


def test_an_unknown_step_is_refused():
    with pytest.raises(SettingError, match="partial_labels"):
        apply(load("digits"), [["os.system", {"command": "true"}]])


def test_factors_enter_as_one_hot_classes_side_by_side():
    sprites = load("sprites")
    told = attributes(sprites, ["shape", "scale"])
    stored, y = told.splits["test"], told.split("test")["y"]
    assert y.shape == (1843, 3 + 4)
    assert y.dtype == torch.get_default_dtype()
    assert torch.equal(y[:, :3].argmax(1), stored["shape"])
    assert torch.equal(y[:, 3:].argmax(1), stored["scale"])
    assert (y.sum(1) == 2).all()
    assert told.num_classes == sprites.num_classes


def test_attributes_enter_as_they_are():
    # As CelebA comes: an image and a vector of yes and no.
    answers = torch.randint(0, 2, (30, 5), generator=torch.Generator().manual_seed(0))
    data = from_tensors({"x": torch.rand(30, 3, 4, 4), "attributes": answers})
    told = attributes(data, ["attributes"])
    assert torch.equal(told.splits["train"]["y"], data.splits["train"]["attributes"].float())


def test_labels_may_become_a_vector_of_the_same_name():
    told = attributes(load("digits"), ["y"])
    assert told.split("test")["y"].shape == (360, 10)
    assert told.num_classes == {}


def test_labels_that_stand_in_the_way_are_put_aside_under_another_name():
    data = load("glyphs")
    told = attributes(data, ["bold"])
    assert torch.equal(told.split("test")["y"].argmax(1), data.splits["test"]["bold"])
    assert torch.equal(told.splits["test"]["y_label"], data.splits["test"]["y"])
    assert told.columns["y_label"] == dataclasses.replace(data.columns["y"], name="y_label")
    assert "y" not in told.num_classes
    assert load(**told.spec).fingerprint() == told.fingerprint()


def test_what_is_no_column_is_in_the_way_or_missing_is_refused():
    with pytest.raises(SettingError, match="'colour' is no column"):
        attributes(load("sprites"), ["shape", "colour"])
    with pytest.raises(SettingError, match="'x' is no column"):
        attributes(load("sprites"), ["x"])
    with pytest.raises(SettingError, match="no columns are named"):
        attributes(load("sprites"), [])
    with pytest.raises(SettingError, match="'x' already"):
        attributes(load("sprites"), ["shape"], key="x")
    moved = attributes(load("sprites"), ["shape"], key="scale")
    with pytest.raises(SettingError, match="'scale_label' already"):
        attributes(dataclasses.replace(moved, num_classes={**moved.num_classes, "scale": 7}), ["shape"], key="scale")
    with pytest.raises(SettingError, match="missing in some rows"):
        attributes(partial_labels(load("digits")), ["y"])


def test_each_class_keeps_as_many_labels_and_all_rows_stay():
    digits = load("digits")
    few = partial_labels(digits, per_class=7, seed=1)
    y, truth = few.splits["train"]["y"], digits.splits["train"]["y"]
    known = y >= 0
    assert y[known].bincount().tolist() == [7] * 10
    assert (y[~known] == -1).all()
    assert torch.equal(y[known], truth[known])
    assert torch.equal(few.splits["train"]["x"], digits.splits["train"]["x"])
    for split in ("valid", "test"):
        assert few.fingerprint(split) == digits.fingerprint(split)
    assert few.num_classes == {"y": 10}
    assert few.origin is digits
    assert "70 of 1077 training rows observed" in repr(few)


def test_the_seed_chooses_the_rows_and_the_original_stays_whole():
    digits = load("digits")
    first, again, other = (partial_labels(digits, 3, seed).splits["train"]["y"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (digits.splits["train"]["y"] >= 0).all()


@pytest.mark.parametrize("per_class", [0, 10**6, 2.5, True])
def test_numbers_out_of_range_are_refused_with_the_range(per_class):
    with pytest.raises(SettingError, match="from 1 to"):
        partial_labels(load("digits"), per_class)


def test_without_labels_there_is_nothing_to_keep():
    with pytest.raises(SettingError, match="no labels 'y'"):
        partial_labels(from_tensors(torch.randn(20, 2)))
    with pytest.raises(SettingError, match="key='shape'"):
        partial_labels(load("sprites"))


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
