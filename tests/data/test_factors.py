from __future__ import annotations

import pytest
import torch

from ppgen.data import attributes, from_tensors, load, partial_labels
from ppgen.errors import SettingError


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
    assert load(**told.spec).fingerprint() == told.fingerprint()


def test_what_is_no_column_is_in_the_way_or_missing_is_refused():
    with pytest.raises(SettingError, match="'colour' is no column"):
        attributes(load("sprites"), ["shape", "colour"])
    with pytest.raises(SettingError, match="'x' is no column"):
        attributes(load("sprites"), ["x"])
    with pytest.raises(SettingError, match="no columns are named"):
        attributes(load("sprites"), [])
    with pytest.raises(SettingError, match="'scale' already"):
        attributes(load("sprites"), ["shape"], key="scale")
    with pytest.raises(SettingError, match="missing in some rows"):
        attributes(partial_labels(load("digits")), ["y"])
