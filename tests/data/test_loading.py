"""load, as_dataset, as_batch: everything that may be called data."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ppgen.data import as_batch, as_dataset, from_tensors, load
from ppgen.errors import DataError, SettingError


@pytest.mark.parametrize("option", [{}, {"binarize": "dynamic"}, {"binarize": None}, {"dequantize": True}, {"seed": 7}])
def test_the_spec_is_plain_and_builds_the_same_data(option):
    data = load("digits", **option)
    again = load(**json.loads(json.dumps(data.spec)))
    assert (again.fingerprint(), again.fingerprint("train")) == (data.fingerprint(), data.fingerprint("train"))


def test_whatever_is_data_becomes_a_data_set():
    data = load("digits")
    assert as_dataset(data) is data
    assert as_dataset("digits").fingerprint() == data.fingerprint()
    for given in (torch.randn(20, 2), np.zeros((20, 2)), {"x": torch.randn(20, 2), "y": torch.arange(20)}):
        assert as_dataset(given).name == "tensors"


def test_a_name_of_the_catalogue_is_never_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert load("digits").name == "digits"
    with pytest.raises(DataError, match="has no images"):
        load("./digits")


def test_a_batch_is_cast_as_a_data_set_would_and_keeps_every_row():
    x = np.arange(12, dtype=np.uint8).reshape(4, 3)
    batch = as_batch({"x": x, "y": np.arange(4, dtype=np.int32)})
    assert torch.equal(batch["x"], torch.from_numpy(x).float())
    assert batch["y"].dtype == torch.int64
    assert torch.equal(as_batch(x)["x"], batch["x"])
    data = from_tensors(torch.randn(20, 2))
    assert torch.equal(as_batch(data)["x"], data.split("test")["x"])


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ("minst", SettingError, r'unknown data set \'minst\'(.|\n)*fix: data="mnist"'),
        ("qqqqqq", SettingError, r'data="digits"; for your own tensors: data=\{"x": tensor\}'),
        ("digits+minst", SettingError, "unknown data set"),
        ("no/such/folder", DataError, "no such file"),
        ("nothing.npz", DataError, "no such file"),
        (None, DataError, "x is no tensor"),
    ],
)
def test_what_is_no_data_is_refused(given, error, told):
    with pytest.raises(error, match=told):
        as_dataset(given)


def test_load_takes_names_and_paths_alone():
    with pytest.raises(SettingError, match="load takes a name or a path"):
        load(torch.zeros(3, 2))
    with pytest.raises(SettingError, match="whole number"):
        load("digits", seed=1.5)
