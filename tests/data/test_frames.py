"""pandas tables: kinds by type, one numbering of classes, and each refusal with column and row."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch

import ppgen.data
from ppgen.data import Column, as_batch, as_dataset, from_tensors
from ppgen.data.frames import is_frame, read_frames
from ppgen.errors import DataError


def table(rows: int = 40) -> pd.DataFrame:
    """A column of every type that is taken."""
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "age": number.astype("float32"),
            "height": 1.5 + number / 100,
            "visits": number,
            "owner": number % 2 == 0,
            "pet": np.array(["dog", "cat", "eel"])[number % 3],
            "size": pd.Categorical(np.array(["S", "L"])[number % 2], categories=["S", "M", "L"], ordered=True),
        }
    )


def test_kinds_come_from_types():
    data = as_dataset(table())
    assert data.columns == {
        "age": Column("age", "real", (), "integer"),
        "height": Column("height", "real", (), "continuous"),
        "visits": Column("visits", "categorical", (), "integer", num_classes=40, missing=-1),
        "owner": Column("owner", "binary", (), "binary", num_classes=2, missing=-1),
        "pet": Column("pet", "categorical", (), "integer", 3, -1, categories=("cat", "dog", "eel")),
        "size": Column("size", "categorical", (), "integer", 3, -1, categories=("S", "M", "L")),
    }
    assert data.num_classes == {"visits": 40, "owner": 2, "pet": 3, "size": 3}
    assert data.keys == tuple(table().columns)
    counted = from_tensors(table(), kinds={"visits": "count"})
    assert counted.columns["visits"].kind == "count"
    assert counted.columns["pet"].categories == ("cat", "dog", "eel")


def test_values_are_those_of_the_table():
    frame, data = table(), from_tensors(table(), valid=0, test=0)
    order = data.split("train")["visits"].argsort()
    seen = {key: values[order] for key, values in data.split("train").items()}
    assert seen["age"].dtype == seen["height"].dtype == torch.float32
    np.testing.assert_allclose(seen["height"], frame["height"], rtol=1e-6)
    assert seen["owner"].tolist() == frame["owner"].astype(int).tolist()
    assert np.array(["cat", "dog", "eel"])[seen["pet"]].tolist() == frame["pet"].tolist()
    assert np.array(["S", "M", "L"])[seen["size"]].tolist() == frame["size"].astype(str).tolist()


def test_missing_classes_are_marked():
    frame = table()
    frame.loc[[1, 4], "pet"] = None
    frame["owner"] = frame["owner"].astype("boolean")
    frame.loc[2, "owner"] = pd.NA
    frame.loc[3, "size"] = np.nan
    columns = read_frames(frame).arrays
    assert [int((columns[name] == -1).sum()) for name in ("pet", "owner", "size")] == [2, 1, 1]
    assert columns["pet"][1] == columns["owner"][2] == columns["size"][3] == -1
    assert as_dataset(frame).columns["owner"].missing == -1


def test_text_as_python_objects_is_text():
    frame = pd.DataFrame({"x": [0.5] * 6, "pet": np.array(["b", None, "a"] * 2, dtype=object)})
    assert read_frames(frame).arrays["pet"].tolist() == [1, -1, 0, 1, -1, 0]


def test_splits_share_one_numbering():
    frames = {"train": pd.DataFrame({"pet": ["dog", "eel"] * 5}), "test": pd.DataFrame({"pet": ["cat", "dog"]})}
    data = from_tensors(frames)
    names = data.columns["pet"].categories
    assert [names[int(number)] for number in data.splits["test"]["pet"]] == ["cat", "dog"]
    assert set(names) == {"cat", "dog", "eel"}


def test_a_batch_takes_the_numbers_of_the_data_that_it_belongs_beside():
    data = as_dataset(table())
    few = table()[["age", "pet"]].iloc[[2, 0]]  # eel and dog, which alone would be 1 and 0
    assert as_batch(few, data)["pet"].tolist() == [2, 1]
    assert as_batch(few[["age"]])["age"].tolist() == [2.0, 0.0]
    with pytest.raises(DataError, match=r"pet is of no category that is known(.|\n)*'eel' in row 0"):
        as_batch(few)
    few.loc[0, "pet"] = "yak"
    with pytest.raises(DataError, match=r"expected: cat, dog, eel(.|\n)*'yak' in row 1"):
        as_batch(few, data)


def column(**values: object) -> pd.DataFrame:
    return pd.DataFrame({"age": [1.0, 2.0, 3.0], **values})


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (column(height=[1.0, np.nan, np.nan]), r"height is missing in 2 rows(.|\n)*nan in row 1(.|\n)*dropna"),
        (column(n=pd.array([1, 2, None], dtype="Int64")), r"n is missing in 1 row\n(.|\n)*<NA> in row 2"),
        (column(day=pd.to_datetime(["2020-01-01"] * 3)), r"day holds no numbers(.|\n)*datetime64(.|\n)*total_seconds"),
        (column(took=pd.to_timedelta([1, 2, 3])), r"took holds no numbers(.|\n)*timedelta64"),
        (column(thing=["a", [1, 2], "b"]), r"thing holds objects(.|\n)*list in row 1"),
        (column(z=[1j, 2j, 3j]), r"z holds no numbers(.|\n)*complex128"),
        (column(x=["a", None, "b"]), r"x is missing in 1 row\n"),
        (column(h=[1.0, np.inf, 2.0]), "h has 1 non-finite value, first at"),
        (column(**{"two words": [1.0, 2.0, 3.0]}), "'two words' cannot name a site"),
        (pd.DataFrame([[1.0, 2.0]] * 3, columns=["a", "a"]), "two columns 'a'"),
        (pd.DataFrame({"x": np.zeros(0)}), "empty"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(frame, told):
    with pytest.raises(DataError, match=told):
        as_dataset(frame)


def test_pandas_is_not_needed_to_tell_that_there_is_no_table(monkeypatch):
    assert is_frame(table())
    monkeypatch.delitem(sys.modules, "pandas")
    assert not is_frame(torch.zeros(3))
    assert ppgen.data.as_dataset(torch.rand(20, 2)).size() == 16
    assert "pandas" not in sys.modules


def test_text_of_which_no_value_comes_twice_is_no_class():
    days = pd.date_range("2024-01-01", periods=30).astype(str)
    frame = pd.DataFrame({"when": days, "height": np.linspace(0.0, 1.0, 30)})
    with pytest.raises(DataError, match="when: no value comes twice in 30 rows") as caught:
        as_dataset(frame)
    assert "leave the column when out" in caught.value.fix
    assert as_dataset(frame.assign(when=[*days[:15], *days[:15]])).num_classes == {"when": 15}
    assert as_dataset(frame.assign(when=pd.Categorical(days))).num_classes == {"when": 30}
