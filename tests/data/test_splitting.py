"""Rows cut into splits: each in exactly one, by a seed, and official test splits left alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ppgen.data.splitting import carve, check_seed, fractions, shuffle_split
from ppgen.errors import SettingError


@given(st.integers(3, 200), st.integers(0, 50), st.integers(0, 50), st.integers(0, 2**32))
def test_every_row_is_in_exactly_one_split(num_data, num_valid, num_test, seed):
    num_valid, num_test = min(num_valid, num_data // 3), min(num_test, num_data // 3)
    columns = {"x": torch.arange(num_data), "twice": 2 * torch.arange(num_data)}
    splits = shuffle_split(columns, num_valid, num_test, seed)
    assert [len(splits[s]["x"]) for s in ("train", "valid", "test")] == [
        num_data - num_valid - num_test,
        num_valid,
        num_test,
    ]
    assert torch.equal(torch.cat([s["x"] for s in splits.values()]).sort().values, columns["x"])
    assert all(torch.equal(2 * s["x"], s["twice"]) for s in splits.values())


def test_the_seed_decides():
    columns = {"x": torch.arange(100)}
    first, again, other = (shuffle_split(columns, 10, 10, seed)["test"]["x"] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_carving_leaves_the_official_test_split_alone():
    train, test = {"x": torch.arange(60)}, {"x": torch.arange(60, 70)}
    splits = carve(train, test, 10, 0)
    assert torch.equal(splits["test"]["x"], test["x"])
    assert torch.equal(torch.cat([splits["train"]["x"], splits["valid"]["x"]]).sort().values, train["x"])


def test_a_positive_fraction_is_at_least_a_row_and_zero_is_none():
    assert fractions(5, 0.01, 0.0) == (1, 0)
    assert fractions(1000, 0.1, 0.25) == (100, 250)


@pytest.mark.parametrize("bad", [-0.1, float("nan"), None, "0.1"])
def test_a_fraction_outside_its_range_is_refused(bad):
    with pytest.raises(SettingError, match="valid is out of range"):
        fractions(100, bad, 0.1)


@pytest.mark.parametrize(("rows", "valid", "test"), [(2, 0.1, 0.1), (100, 0.5, 0.5), (100, 1.0, 0.0), (100, 0, 2)])
def test_fractions_that_leave_nothing_are_refused(rows, valid, test):
    with pytest.raises(SettingError, match="nothing to train on"):
        fractions(rows, valid, test)


@pytest.mark.parametrize("bad", [-1, 1.0, True, 2**63])
def test_a_seed_is_a_whole_number(bad):
    with pytest.raises(SettingError, match="whole number"):
        check_seed(bad)
