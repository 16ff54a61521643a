"""Columns: the kind that values show, the kind that their owner names, and what is refused with its row."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import ppgen.data
from ppgen.data import Column, from_tensors
from ppgen.data.column import MEASURE_OF_KIND, describe_column
from ppgen.data.measures import MEASURES
from ppgen.errors import DataError, SettingError

ROWS = 30


def described(values: torch.Tensor, **known: object) -> Column:
    """A column that stands beside a main site ``x``, as a data set of 30 rows describes it."""
    return from_tensors({"x": torch.randn(len(values), 2), "a": values}, **known).columns["a"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (torch.arange(ROWS) % 2, Column("a", "binary", (), "binary", num_classes=2, missing=-1)),
        (torch.arange(ROWS) % 3, Column("a", "categorical", (), "integer", num_classes=3, missing=-1)),
        (torch.arange(ROWS) % 4 - 1, Column("a", "categorical", (), "integer", num_classes=3, missing=-1)),
        (-torch.arange(ROWS), Column("a", "real", (), "integer")),
        ((torch.arange(ROWS) % 2).float(), Column("a", "binary", (), "binary")),
        (torch.arange(2.0 * ROWS).reshape(ROWS, 2), Column("a", "count", (2,), "integer")),
        (torch.arange(2 * ROWS).reshape(ROWS, 2), Column("a", "count", (2,), "integer", missing=-1)),
        (torch.linspace(0, 1, ROWS), Column("a", "real", (), "unit interval")),
        (torch.linspace(-1, 1, ROWS), Column("a", "real", (), "continuous")),
        (torch.linspace(0, 2, 4 * ROWS).reshape(ROWS, 1, 2, 2), Column("a", "image", (1, 2, 2), "continuous")),
    ],
)
def test_the_kind_is_read_from_type_shape_and_values(values, expected):
    assert described(values) == expected


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (torch.arange(ROWS), "count", Column("a", "count", (), "integer", missing=-1)),
        (torch.arange(ROWS) % 2, "count", Column("a", "count", (), "integer", missing=-1)),
        (torch.arange(ROWS), "real", Column("a", "real", (), "integer")),
        ((torch.arange(ROWS) % 3).float(), "categorical", Column("a", "categorical", (), "integer", 3, -1)),
        (torch.zeros(ROWS, 4, 2), "sequence", Column("a", "sequence", (4, 2), "binary")),
        (torch.zeros(ROWS, 1, 2, 2), "binary", Column("a", "binary", (1, 2, 2), "binary")),
    ],
)
def test_its_owner_may_name_the_kind(values, kind, expected):
    assert described(values, kinds={"a": kind}) == expected


def test_classes_are_counted_for_labels_alone():
    x, y = torch.randn(ROWS, 2), torch.arange(ROWS)
    assert from_tensors({"x": x, "y": y}).num_classes == {"y": ROWS}
    for kind in ("count", "real"):
        assert from_tensors({"x": x, "y": y}, kinds={"y": kind}).num_classes == {}
    assert from_tensors({"x": x, "y": 0 * y}, kinds={"y": "binary"}).num_classes == {"y": 2}
    assert from_tensors({"x": x, "y": y % 3 + 0.0}, kinds={"y": "categorical"}).num_classes == {"y": 3}


def test_types_follow_the_kind():
    data = from_tensors({"x": torch.randn(ROWS, 2), "age": torch.arange(ROWS)}, kinds={"age": "real"})
    assert data.split("train")["age"].dtype == torch.float32
    data = from_tensors({"x": torch.randn(ROWS, 2), "y": torch.ones(ROWS)}, kinds={"y": "categorical"})
    assert data.split("train")["y"].dtype == torch.int64


def test_the_main_site_has_the_measure_of_the_data_set():
    for binarize, measure in (("default", "binary"), ("dynamic", "binary"), (None, "unit interval")):
        data = ppgen.data.load("digits", binarize=binarize)
        grid = {"levels": 17, "white": 1.0} if binarize is None else {}
        assert data.columns["x"] == Column("x", "image", (1, 8, 8), measure, **grid)
        assert data.measure == measure
    assert from_tensors(torch.zeros(ROWS, 2), kinds={"x": "count"}).measure == "integer"


def test_every_column_has_a_measure_that_its_discrete_kind_implies():
    data = ppgen.data.load("sprites")
    assert list(data.columns) == list(data.keys)
    assert all(column.measure in MEASURES for column in data.columns.values())
    assert all(column.measure == MEASURE_OF_KIND.get(column.kind, column.measure) for column in data.columns.values())
    assert {key: column.num_classes for key, column in data.columns.items() if key != "x"} == data.num_classes


def test_what_a_transform_adds_is_described_too():
    data = ppgen.data.quadrants(ppgen.data.load("digits", binarize=None))
    assert tuple(data.columns) == data.keys
    assert data.columns["given"] == Column("given", "image", (1, 8, 8), "unit interval", levels=17, white=1.0)
    assert data.columns["x"].levels == 17
    assert data.columns["mask"] == Column("mask", "image", (1, 8, 8), "binary")


def test_a_replaced_column_forgets_its_kind():
    columns = {"x": torch.randn(ROWS, 2), "y": torch.arange(ROWS) % 3}
    data = from_tensors(columns, kinds={"y": "categorical"})
    assert ppgen.data.attributes(data, ["y"]).columns["y"] == Column("y", "binary", (3,), "binary")


def test_values_are_looked_at_once():
    data = ppgen.data.load("digits")
    assert data.columns is data.columns
    assert dataclasses.replace(data, measure="integer").columns["x"].measure == "integer"


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        (torch.tensor([0.0, 1.0, 0.5]), "binary", r"a is not binary(.|\n)*got: 0.5 in row 2"),
        (torch.tensor([0, 1, 2]), "binary", r"a is not binary(.|\n)*got: 2 in row 2"),
        (torch.tensor([0, -2, 2]), "count", r"a is not a count column(.|\n)*got: -2 in row 1"),
        (torch.tensor([1.5, 0.0]), "categorical", r"a is not categorical(.|\n)*got: 1.5 in row 0"),
        (torch.tensor([-1.0, 0.0]), "categorical", r"got: -1 in row 0"),
        (torch.tensor([-1, -1]), "categorical", r"a has no classes(.|\n)*every value is missing"),
        (torch.zeros(3, 2, 2), "image", r"a is no image(.|\n)*got: \[3, 2, 2\]"),
        (torch.zeros(3), "sequence", r"a is no sequence(.|\n)*\[N, T, ...\]"),
    ],
)
def test_a_kind_that_values_cannot_be_of_is_refused(values, kind, told):
    with pytest.raises(DataError, match=told):
        describe_column("a", [values], kind=kind)


def test_a_bad_row_in_any_split_is_found():
    x = torch.zeros(5, 1)
    with pytest.raises(DataError, match=r"x is not a count column(.|\n)*0.5 in row 4"):
        from_tensors({"train": x, "test": x + torch.tensor([0, 1, 2, 3, 0.5])[:, None]}, kinds={"x": "count"})


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["x"], r"kinds is no mapping(.|\n)*kinds=\{'x': \"count\"\}"),
        ({"x": "number"}, r"unknown kind 'number'(.|\n)*'count'"),
        ({"z": "real"}, r"'z', which is no column"),
    ],
)
def test_a_kind_or_column_that_there_is_not_is_refused(kinds, told):
    with pytest.raises(SettingError, match=told):
        from_tensors(torch.rand(ROWS, 2), kinds=kinds)


def test_a_kind_of_a_column_that_the_test_split_lacks_is_the_fault_of_that_split():
    splits = {"train": {"x": torch.rand(9, 2), "n": torch.arange(9)}, "test": {"x": torch.rand(5, 2)}}
    with pytest.raises(DataError, match="unlike the train split"):
        from_tensors(splits, kinds={"n": "count"})


def test_the_text_shows_kinds():
    columns = {"x": torch.randn(50, 2), "y": torch.arange(50) % 3, "n": torch.arange(50), "on": torch.arange(50) % 2}
    columns["w"] = torch.rand(50, 4)
    assert repr(from_tensors(columns, kinds={"n": "count"})).splitlines() == [
        "Dataset 'tensors': x [2], real, continuous (as given)",
        "  train 40, valid 5, test 5",
        "  y: categorical, 3 classes",
        "  n: count",
        "  on: binary",
        "  w [4]: real, unit interval",
    ]
