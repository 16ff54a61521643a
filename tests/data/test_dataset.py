"""A data set: three disjoint, seeded splits, the measure of its values and the protocol that made them."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ppgen.data
from ppgen.data import Dataset
from ppgen.data.dataset import carve, check_seed, fractions, shuffle_split
from ppgen.errors import DataError, SettingError


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


@pytest.fixture(scope="module")
def digits():
    return ppgen.data.load("digits")


def parts(train, valid=None, test=None):
    valid = {key: t[:0] for key, t in train.items()} if valid is None else valid
    return {"train": train, "valid": valid, "test": train if test is None else test}


def test_a_fingerprint_is_that_of_the_data_alone(digits):
    assert digits.fingerprint() == ppgen.data.load("digits").fingerprint() == digits.to("cpu").fingerprint()
    assert dataclasses.replace(digits, name="other", spec={}).fingerprint() == digits.fingerprint()
    assert len(digits.fingerprint()) == 16
    assert int(digits.fingerprint(), 16) >= 0


def test_a_fingerprint_changes_with_value_label_order_measure_and_protocol(digits):
    test = digits.splits["test"]
    flipped = test["x"].clone()
    flipped[0, 0, 0, 0] = 1 - flipped[0, 0, 0, 0]
    variants = [
        digits,
        dataclasses.replace(digits, splits={**digits.splits, "test": {**test, "x": flipped}}),
        dataclasses.replace(digits, splits={**digits.splits, "test": {**test, "y": test["y"].roll(1)}}),
        dataclasses.replace(digits, splits={**digits.splits, "test": {key: t.flip(0) for key, t in test.items()}}),
        dataclasses.replace(digits, measure="integer"),
        dataclasses.replace(digits, protocol="static bits, seed 1"),
    ]
    assert len({data.fingerprint() for data in variants}) == len(variants)
    assert digits.fingerprint("valid") != digits.fingerprint("test")


def test_the_golden_fingerprint_of_the_demo(digits):
    """Bits, split and protocol of the demo's data: if this changes, no earlier score compares with a later one."""
    assert digits.fingerprint() == "fca5f943bb7b8eed"


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    ppgen.data.load("digits", binarize="dynamic").split("train")
    ppgen.data.from_tensors(torch.zeros(30, 2))
    assert torch.equal(before, torch.get_rng_state())


def test_moving_keeps_everything_but_the_device(digits):
    moved = digits.to("meta")
    assert {t.device.type for columns in moved.splits.values() for t in columns.values()} == {"meta"}
    assert (moved.measure, moved.protocol, moved.spec) == (digits.measure, digits.protocol, digits.spec)
    assert digits.splits["test"]["x"].device.type == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_a_gpu_sees_the_same_bits(mode):
    data = ppgen.data.load("digits", binarize=mode)
    assert data.to("cuda").fingerprint() == data.fingerprint()


def test_a_data_set_survives_pickling(digits):
    assert pickle.loads(pickle.dumps(digits)).fingerprint() == digits.fingerprint()


def test_keys_shape_sizes_and_text(digits):
    assert digits.keys == ("x", "y")
    assert digits.x_shape == (1, 8, 8)
    assert digits.num_classes == {"y": 10}
    assert repr(digits).splitlines() == [
        "Dataset 'digits': x [1, 8, 8], binary (static bits, seed 0)",
        "  train 1077, valid 360, test 360",
        "  y: integer, 10 classes",
    ]


def test_an_unknown_split_is_refused(digits):
    for call in (digits.split, digits.size, digits.fingerprint):
        with pytest.raises(SettingError, match=r"expected: 'train' or 'valid' or 'test'(.|\n)*got: 'val'"):
            call("val")


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        ({"train": {"x": torch.ones(2, 1)}}, "wrong splits"),
        (parts({"x": torch.ones(2, 1)}, test={"x": torch.ones(2, 3)}), r"expected: x float32 \[1\](.|\n)*\[3\]"),
        (parts({"x": torch.ones(2, 1)}, test={"x": torch.ones(2, 1).int()}), "x int32"),
        (parts({"x": torch.ones(2, 1)}, test={"z": torch.ones(2, 1)}), r"got: z float32"),
        (parts({"x": torch.ones(2, 1), "y": torch.ones(3)}), "2 rows of x, 3 rows of y"),
        (parts({"x": torch.ones(0, 1)}), "empty"),
        (parts({}), "empty"),
    ],
)
def test_splits_that_do_not_fit_are_refused(splits, told):
    with pytest.raises(DataError, match=told):
        Dataset("mine", "continuous", splits)


def test_an_unknown_measure_is_refused():
    with pytest.raises(SettingError, match=r"unknown measure(.|\n)*got: 'gray'"):
        Dataset("mine", "gray", parts({"x": torch.ones(2, 1)}))
