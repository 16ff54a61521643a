"""A user's own tensors and arrays as columns: types, values, and what is refused with its place."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import torch

from ppgen.data import from_tensors
from ppgen.data.conversion import to_column, to_columns
from ppgen.errors import DataError


@pytest.mark.parametrize(
    ("name", "value", "dtype"),
    [
        ("x", np.zeros((3, 2), dtype=np.float16), torch.float32),
        ("x", np.zeros((3, 2), dtype=">f4"), torch.float32),
        ("x", np.zeros((3, 2), dtype=np.longdouble), torch.float64),
        ("x", torch.zeros(3, 2, dtype=torch.float64), torch.float64),
        ("x", np.zeros((3, 2), dtype=np.int64), torch.float32),
        ("x", np.zeros((3, 2), dtype=np.uint8), torch.uint8),
        ("x", np.zeros((3, 2), dtype=bool), torch.uint8),
        ("x", np.zeros(3, dtype=bool), torch.float32),
        ("image", np.zeros((3, 2, 2), dtype=np.uint8), torch.uint8),
        ("y", np.zeros(3, dtype=np.uint8), torch.int64),
        ("y", np.zeros(3, dtype=np.uint32), torch.int64),
        ("y", np.zeros(3, dtype=bool), torch.bool),
        ("keep", torch.zeros(3, 2, dtype=torch.bool), torch.bool),
        ("words", np.zeros((3, 5), dtype=np.int32), torch.int64),
    ],
)
def test_types_of_columns(name, value, dtype):
    assert to_column(name, value).dtype == dtype


@pytest.mark.parametrize("first", [2**24, 2**53 - 8])
def test_integers_of_x_stay_apart(first):
    assert to_column("x", torch.arange(first, first + 8)).tolist() == list(range(first, first + 8))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", torch.arange(2**53, 2**53 + 3)),
        ("y", np.array([2**64 - 1, 3], dtype=np.uint64)),
        ("y", torch.tensor([2**63, 3], dtype=torch.uint64)),
    ],
)
def test_integers_that_would_become_others_are_refused(name, value):
    """2^64 - 1 became -1, which says that a label is missing."""
    with pytest.raises(DataError, match="would become other numbers"):
        to_column(name, value)


def test_and_so_are_those_of_a_table():
    with pytest.raises(DataError, match="would become other numbers"):
        from_tensors(pandas.DataFrame({"y": np.array([2**64 - 1, 3] * 5, dtype=np.uint64)}))
    assert to_column("y", np.array([2**63 - 1, 3], dtype=np.uint64)).tolist() == [2**63 - 1, 3]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_tensors_without_one_dense_value_are_refused():
    with pytest.raises(DataError, match="without values"):
        to_column("x", torch.empty(3, device="meta"))
    with pytest.raises(DataError, match=r"nested tensor(.|\n)*unbind"):
        to_column("x", torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]))


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
