"""Data sets of torch.utils.data: all that an item may be, and the item that is unlike the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms
from torchvision.datasets import FakeData

from ppgen.data import as_batch, as_dataset, from_tensors
from ppgen.data.torch_sets import read_torch_set
from ppgen.errors import DataError


class Items(TorchDataset):
    """A data set of what a function makes of each number."""

    def __init__(self, make: Callable[[int], Any], length: int = 20) -> None:
        self.make, self.length = make, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, row: int) -> Any:
        return self.make(row)


class Endless(IterableDataset):
    def __iter__(self) -> Any:
        yield torch.zeros(2)


def test_images_with_labels_as_torchvision_has_them():
    raw = FakeData(size=30, image_size=(3, 4, 5), num_classes=4)
    data = as_dataset(raw)
    assert (data.x_shape, data.measure, data.keys) == ((3, 4, 5), "8-bit", ("x", "y"))
    assert data.splits["train"]["x"].dtype == torch.uint8
    assert data.columns["x"].kind == "image"
    read = read_torch_set(raw)
    np.testing.assert_array_equal(read["x"][7].permute(1, 2, 0), np.asarray(raw[7][0]))
    assert read["y"].tolist() == [raw[row][1] for row in range(30)]
    floats = as_dataset(FakeData(size=30, image_size=(3, 4, 5), num_classes=4, transform=transforms.ToTensor()))
    assert floats.measure == "unit interval"
    torch.testing.assert_close(floats.split()["x"], data.split()["x"] / 255)


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("L", 1), ("RGB", 3)])
def test_images_have_channels_first(mode, channels):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    image = Image.fromarray(pixels).convert(mode)
    read = read_torch_set(Items(lambda row: image))["x"]
    assert read.shape == (20, channels, 2, 3)
    np.testing.assert_array_equal(read[0].permute(1, 2, 0).squeeze(-1), np.asarray(image))


@pytest.mark.parametrize(
    ("make", "types"),
    [
        (lambda row: torch.full((2,), float(row)), {"x": (torch.float32, (2,))}),
        (lambda row: np.full(2, row, dtype=">f8"), {"x": (torch.float64, (2,))}),
        (lambda row: (torch.zeros(2, 3), row), {"x": (torch.float32, (2, 3)), "y": (torch.int64, ())}),
        (lambda row: [torch.zeros(2), np.int32(row)], {"x": (torch.float32, (2,)), "y": (torch.int64, ())}),
        (lambda row: (torch.zeros(2),), {"x": (torch.float32, (2,))}),
        (lambda row: {"a": row / 2, "b": row > 3}, {"a": (torch.float64, ()), "b": (torch.bool, ())}),
    ],
)
def test_what_an_item_may_be(make, types):
    batch = as_batch(Items(make))
    assert {key: (values.dtype, tuple(values.shape[1:])) for key, values in batch.items()} == types
    assert all(len(values) == 20 for values in batch.values())


def test_order_and_splits_are_those_of_tensors():
    x, y = torch.randn(40, 2), torch.arange(40)
    assert as_dataset(TensorDataset(x, y)).fingerprint() == as_dataset({"x": x, "y": y}).fingerprint()
    whole = TensorDataset(x, y)
    data = from_tensors({"train": Subset(whole, range(30)), "test": Subset(whole, range(30, 40))}, valid=0)
    assert torch.equal(data.split("test")["y"], y[30:])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (Endless(), r"Endless cannot be split(.|\n)*without a length"),
        (DataLoader(TensorDataset(torch.zeros(3, 2))), r"DataLoader cannot be split(.|\n)*data=loader.dataset"),
        (TensorDataset(torch.zeros(0, 2)), r"TensorDataset is empty"),
        (Items(lambda row: torch.zeros(2 + row // 5)), r"item 5 (.|\n)*unlike item 0(.|\n)*x float32 \[3\]"),
        (
            Items(lambda row: {"x": torch.zeros(2)} | ({"y": 1} if row == 3 else {})),
            r"item 3 (.|\n)*expected: y missing",
        ),
        (Items(lambda row: row if row < 4 else 0.5), r"item 4 (.|\n)*x int64 \[\](.|\n)*x float64"),
        (Items(lambda row: [torch.zeros(2)][row]), r"item 1 of the Items cannot be read(.|\n)*IndexError"),
        (Items(lambda row: (1, 2, 3)), r"item 0 (.|\n)*parts without names(.|\n)*got: 3 parts"),
        (Items(lambda row: "word"), r"item 0 (.|\n)*x is nothing that can be stacked(.|\n)*got: str"),
        (Items(lambda row: {"x": None}), r"item 0 (.|\n)*got: NoneType"),
        (Items(lambda row: Image.new("RGBA", (2, 2))), r"mode RGBA(.|\n)*convert"),
        (
            Items(lambda row: torch.tensor([float("nan") if row == 6 else 0.0])),
            r"x has 1 non-finite value, first at \[6",
        ),
    ],
)
def test_what_cannot_be_stacked_is_refused_by_item(data, told):
    with pytest.raises(DataError, match=told):
        as_dataset(data)
