from __future__ import annotations

import pytest
import torch

from ppgen.data import from_tensors, load, partial_labels
from ppgen.errors import SettingError


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


def test_the_seed_chooses_the_rows_and_the_original_stays_whole():
    digits = load("digits")
    first, again, other = (partial_labels(digits, 3, seed).splits["train"]["y"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (digits.splits["train"]["y"] >= 0).all()


def test_it_is_loaded_again_from_what_it_says_of_itself():
    few = partial_labels(load("digits", binarize=None, seed=2), 4, seed=5)
    assert load(**few.spec).fingerprint("train") == few.fingerprint("train")
    assert "40 of 1077 training rows observed" in repr(few)


def test_a_users_own_missing_labels_are_labels():
    data = from_tensors({"x": torch.randn(20, 2), "y": torch.tensor([0, 1, -1, -1]).repeat(5)})
    assert data.num_classes == {"y": 2}


@pytest.mark.parametrize("per_class", [0, 10**6, 2.5, True])
def test_numbers_out_of_range_are_refused_with_the_range(per_class):
    with pytest.raises(SettingError, match="from 1 to"):
        partial_labels(load("digits"), per_class)


def test_without_labels_there_is_nothing_to_keep():
    with pytest.raises(SettingError, match="no labels 'y'"):
        partial_labels(from_tensors(torch.randn(20, 2)))
    with pytest.raises(SettingError, match="key='shape'"):
        partial_labels(load("sprites"))
