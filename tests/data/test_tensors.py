"""A user's own tensors: nothing rescaled, the measure read from the values, splits kept or made, all else refused."""

from __future__ import annotations

import pytest
import torch

from ppgen.data import from_tensors
from ppgen.errors import DataError, SettingError


@pytest.mark.parametrize(
    ("x", "measure"),
    [
        (torch.randint(0, 2, (50, 4)).float(), "binary"),
        (torch.randint(0, 2, (50, 4)).bool(), "binary"),
        (torch.randint(0, 2, (50, 4)).to(torch.uint8), "binary"),
        (torch.randint(0, 256, (50, 4), dtype=torch.uint8), "8-bit"),
        (torch.randint(0, 90, (50, 4)), "integer"),
        (torch.rand(50, 4), "unit interval"),
        (torch.rand(50, 4) * 2 - 1, "continuous"),
    ],
)
def test_the_measure_is_read_from_the_values(x, measure):
    assert from_tensors({"x": x}).measure == measure


def test_uint8_pixels_keep_their_values_as_floats():
    x = torch.arange(60, dtype=torch.uint8).reshape(20, 3) * 4
    data = from_tensors({"x": x})
    assert data.splits["train"]["x"].dtype == torch.uint8
    seen = torch.cat([data.split(split)["x"] for split in data.splits])
    assert seen.dtype == torch.float32
    assert torch.equal(seen.sort(0).values, x.float())


def test_one_outlier_in_the_test_split_is_seen_by_the_measure():
    x = torch.rand(100, 1)
    assert from_tensors({"train": x, "test": torch.full((5, 1), 1.5)}).measure == "continuous"


def test_rows_stay_together_and_nothing_is_lost():
    data = from_tensors({"x": torch.arange(50.0)[:, None], "y": torch.arange(50)}, valid=0.2, test=0.2)
    assert [data.size(split) for split in data.splits] == [30, 10, 10]
    assert all(torch.equal(columns["x"][:, 0].long(), columns["y"]) for columns in data.splits.values())
    assert sorted(y for columns in data.splits.values() for y in columns["y"].tolist()) == list(range(50))


@pytest.mark.parametrize("rows", [1, 10])
def test_no_held_out_rows_give_empty_splits(rows):
    data = from_tensors(torch.randn(rows, 2), valid=0, test=0)
    assert [data.size(split) for split in data.splits] == [rows, 0, 0]
    assert data.split("valid")["x"].shape == (0, 2)


def test_splits_of_your_own_keep_their_order_and_missing_ones_are_taken_from_the_training_rows():
    given = {split: {"x": torch.randn(n, 2)} for split, n in (("test", 2), ("train", 5), ("valid", 3))}
    data = from_tensors(given)
    assert all(torch.equal(data.split(split)["x"], given[split]["x"]) for split in given)
    alone = from_tensors({"train": given["train"]}, valid=0, test=0)
    assert torch.equal(alone.split("train")["x"], given["train"]["x"])
    whole = from_tensors({"train": given["train"]})
    assert torch.equal(whole.split("train")["x"], given["train"]["x"])
    assert [whole.size(split) for split in ("train", "valid", "test")] == [5, 0, 0]
    assert from_tensors({"train": torch.randn(20, 2)}, valid=0.2).size("valid") == 4
    train, test = torch.arange(20.0)[:, None], torch.arange(20.0, 25.0)[:, None]
    data = from_tensors({"train": train, "test": test})
    assert [data.size(split) for split in data.splits] == [18, 2, 5]
    assert torch.equal(data.split()["x"], test)


def test_classes_are_counted_over_all_splits():
    splits = {split: {"x": torch.randn(2, 2), "y": torch.tensor([0, top])}
              for split, top in (("train", 1), ("valid", 4), ("test", 2))}  # fmt: skip
    assert from_tensors(splits).num_classes == {"y": 5}


def test_negative_integers_and_vectors_are_no_labels_and_minus_one_is_a_missing_label():
    data = from_tensors({"x": torch.randn(20, 2), "shift": -torch.arange(20), "words": torch.ones(20, 3).long()})
    assert data.num_classes == {}
    few = from_tensors({"x": torch.randn(20, 2), "y": torch.tensor([0, 1, -1, -1]).repeat(5)})
    assert few.num_classes == {"y": 2}


def test_a_second_image_is_seen_as_float_and_another_main_site_has_a_measure():
    image = torch.randint(0, 256, (20, 1, 2, 2), dtype=torch.uint8)
    data = from_tensors({"photo": image, "edges": image // 128, "y": torch.arange(20)})
    assert (data.measure, data.x_shape) == ("8-bit", (1, 2, 2))
    assert data.split()["photo"].dtype == data.split()["edges"].dtype == torch.float32


@pytest.mark.parametrize("mode", ["static", "dynamic", "threshold"])
@pytest.mark.parametrize("x", [torch.rand(40, 3), torch.randint(0, 256, (40, 3), dtype=torch.uint8)])
def test_binarizing_gives_bits(mode, x):
    data = from_tensors(x, binarize=mode)
    assert data.measure == "binary"
    assert set(data.split("train")["x"].unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("x", "measure"),
    [(torch.arange(256.0)[:, None] / 255, "8-bit"), (torch.rand(20, 2), "continuous"), (torch.ones(20, 2), "integer")],
)
def test_a_measure_that_holds_may_be_given(x, measure):
    assert from_tensors(x, measure=measure).measure == measure


@pytest.mark.parametrize("measure", ["binary", "8-bit", "integer", "unit interval"])
def test_a_measure_that_does_not_hold_is_refused(measure):
    with pytest.raises(DataError, match=f"x is not {measure}(.|\n)*got: values in"):
        from_tensors(torch.randn(50, 2) * 3, measure=measure)


@pytest.mark.parametrize(
    ("data", "options", "error", "told"),
    [
        (torch.rand(20, 2), {"measure": "grey"}, SettingError, "unknown measure"),
        (torch.rand(20, 2), {"measure": "binary", "binarize": "static"}, SettingError, "consequence of binarize"),
        (torch.rand(20, 2), {"kinds": {"x": "real"}, "binarize": "static"}, SettingError, "kind are consequences"),
        ({"test": torch.rand(5, 2)}, {}, DataError, "no training rows"),
        ({"train": torch.ones(5, 2), "test": torch.ones(5, 2)}, {}, DataError, "same rows"),
        ({"train": {"x": torch.rand(9, 2)}, "test": {"z": torch.rand(5, 2)}}, {}, DataError, "unlike the train"),
    ],
)
def test_what_makes_no_sense_is_refused(data, options, error, told):
    with pytest.raises(error, match=told):
        from_tensors(data, **options)
