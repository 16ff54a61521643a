"""A user's own tensors: nothing rescaled, the measure read from the values, splits kept or made, all else refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ppgen.data import from_tensors
from ppgen.data.tensors import to_column, to_columns
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
        ({"test": torch.rand(5, 2)}, {}, DataError, "no training rows"),
        ({"train": torch.ones(5, 2), "test": torch.ones(5, 2)}, {}, DataError, "same rows"),
        ({"train": {"x": torch.rand(9, 2)}, "test": {"z": torch.rand(5, 2)}}, {}, DataError, "unlike the train"),
    ],
)
def test_what_makes_no_sense_is_refused(data, options, error, told):
    with pytest.raises(error, match=told):
        from_tensors(data, **options)


@pytest.mark.parametrize(
    ("name", "value", "dtype"),
    [
        ("x", np.zeros((3, 2), dtype=np.float16), torch.float32),
        ("x", np.zeros((3, 2), dtype=">f4"), torch.float32),
        ("x", np.zeros((3, 2), dtype=np.longdouble), torch.float32),
        ("x", torch.zeros(3, 2, dtype=torch.float64), torch.float32),
        ("x", np.zeros((3, 2), dtype=np.int64), torch.float32),
        ("x", np.zeros((3, 2), dtype=np.uint8), torch.uint8),
        ("x", np.zeros((3, 2), dtype=bool), torch.uint8),
        ("x", np.zeros(3, dtype=bool), torch.float32),
        ("image", np.zeros((3, 2, 2), dtype=np.uint8), torch.uint8),
        ("y", np.zeros(3, dtype=np.uint8), torch.int64),
        ("y", np.zeros(3, dtype=np.uint32), torch.int64),
        ("y", np.zeros(3, dtype=bool), torch.int64),
        ("words", np.zeros((3, 5), dtype=np.int32), torch.int64),
    ],
)
def test_types_of_columns(name, value, dtype):
    assert to_column(name, value).dtype == dtype


def test_values_and_order_survive_also_of_read_only_arrays():
    big_endian = np.arange(6, dtype=">i4").reshape(2, 3).T
    big_endian.flags.writeable = False
    assert to_column("words", big_endian).tolist() == big_endian.tolist()


@pytest.mark.parametrize("make", [np.ones, torch.ones])
def test_a_later_change_of_the_original_changes_nothing(make):
    original = make((3, 2))
    column = to_column("x", original)
    original[0, 0] = 7.0
    assert column[0, 0] == 1.0
    assert not to_column("x", torch.ones(2, 2, requires_grad=True)).requires_grad


def test_the_default_type_is_followed(float64):
    assert to_column("x", np.zeros((2, 2), dtype=np.float32)).dtype == torch.float64


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([[1.0, 2.0]], r"x is no tensor(.|\n)*got: list\n  fix: numpy.asarray\(x\)"),
        (torch.tensor(3.0), "x has no rows"),
        (np.array(3.0), "x has no rows"),
        (np.array([[1, "a"]], dtype=object), r"x holds objects(.|\n)*numpy.stack"),
        (np.array(["cat", "dog"]), r"x holds text(.|\n)*numpy.unique"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "x holds no numbers"),
        (np.zeros((2, 2), dtype=np.clongdouble), r"x is complex(.|\n)*view_as_real"),
        (torch.zeros(2, 2, dtype=torch.complex64), "x is complex"),
        (torch.eye(3).to_sparse(), r"x is sparse(.|\n)*to_dense"),
        (torch.zeros(4, 0), "x has rows without values"),
    ],
)
def test_what_cannot_be_a_column_is_refused(value, told):
    with pytest.raises(DataError, match=told):
        to_column("x", value)


def test_values_that_are_not_finite_are_counted_and_placed_in_any_column():
    x = torch.zeros(2, 1, 2, 2)
    x[0, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match=r"^x has 1 non-finite value, first at \[0, 0, 0, 0\](.|\n)*got: nan"):
        to_column("x", x)
    with pytest.raises(DataError, match=r"^weights has 2 non-finite values, first at \[1\]"):
        to_columns({"x": np.zeros((3, 2)), "weights": np.array([0.0, np.inf, -np.inf])})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "no columns"),
        ({"x": torch.rand(4, 2), "y": torch.zeros(3)}, "4 rows of x, 3 rows of y"),
        ({"x": torch.rand(0, 2)}, r"empty(.|\n)*got: 0 rows"),
        ({1: torch.rand(4, 2)}, "1 cannot name a site"),
        ({"not a name": torch.rand(4, 2)}, "'not a name' cannot name a site"),
    ],
)
def test_columns_that_do_not_belong_together_are_refused(given, told):
    with pytest.raises(DataError, match=told):
        to_columns(given)
