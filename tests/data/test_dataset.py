"""A data set: three disjoint, seeded splits, the measure of its values and the protocol that made them."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import torch

import ppgen.data
from ppgen.data import Dataset
from ppgen.errors import DataError, SettingError


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
        "Dataset 'digits': x [1, 8, 8], image, binary (static bits, seed 0)",
        "  train 1077, valid 360, test 360",
        "  y: categorical, 10 classes",
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
