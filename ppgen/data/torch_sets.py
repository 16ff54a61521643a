"""Data sets of ``torch.utils.data``: every item read once, into tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data import Dataset as TorchDataset

from ppgen.errors import DataError

__all__ = ["is_torch_set", "read_torch_set"]

_MANY = 10_000  # items from which on a bar is shown
_SHAPES = "a tensor, an array, an image or a number; (x, y) of these; or a dictionary of these"


def is_torch_set(data: Any) -> bool:
    """Whether ``data`` is a data set or a loader of ``torch.utils.data``.

    Args:
        data: whatever a user passes as data.
    """
    return isinstance(data, TorchDataset | DataLoader)


def read_torch_set(data: Any) -> dict[str, Tensor]:
    """All items of a map-style data set as columns.

    Args:
        data: an item is a tensor, array, PIL image or number, which is ``x``; a tuple ``(x,)`` or ``(x, y)``; or a
            dictionary by site and covariate. What is random in it, such as augmentation, is drawn once. Images
            become uint8 [C, H, W], with one channel if they are grey.

    Returns:
        A tensor [N, ...] for each.

    Raises:
        DataError: for a loader, an iterable or empty data set, and for items of another form or shape than the first,
            naming the item.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> read_torch_set(TensorDataset(torch.zeros(3, 2), torch.arange(3)))["y"]
        tensor([0, 1, 2])
    """
    from tqdm.auto import tqdm

    if isinstance(data, DataLoader | IterableDataset) or not hasattr(data, "__len__"):
        is_loader = isinstance(data, DataLoader)
        raise DataError(
            f"a {type(data).__name__} cannot be split into training, validation and test rows",
            expected="a data set with a length, whose items can be asked for by number",
            got="a loader, which batches and shuffles" if is_loader else "items one after another, without a length",
            fix="data=loader.dataset" if is_loader else "torch.stack([item for item in dataset]), if it ends",
            code="D036",
        )
    if not len(data):
        raise DataError(
            f"the {type(data).__name__} is empty",
            expected="at least one item",
            got="0 items",
            fix="look at the filter or the folder that left nothing over",
            code="D037",
        )
    columns: dict[str, Tensor] = {}
    for row in tqdm(range(len(data)), desc="reading data", leave=False, disable=len(data) < _MANY):
        item = {key: _to_tensor(row, key, value) for key, value in _by_name(row, _item(data, row)).items()}
        if not columns:
            columns = {key: value.new_empty(len(data), *value.shape) for key, value in item.items()}
        _must_be_alike(row, item, columns)
        for key, value in item.items():
            columns[key][row] = value
    return columns


def _item(data: Any, row: int) -> Any:
    try:
        return data[row]
    except Exception as error:  # whatever a user's code raises
        raise DataError(
            f"item {row} of the {type(data).__name__} cannot be read",
            expected=f"{len(data)} items, as its length says",
            got=f"{type(error).__name__}: {error}",
            fix=f"look at dataset[{row}]",
            code="D038",
        ) from error


def _by_name(row: int, item: Any) -> Mapping[str, Any]:
    if isinstance(item, Mapping):
        return item
    if isinstance(item, tuple | list):
        if 1 <= len(item) <= 2:
            return dict(zip(("x", "y"), item, strict=False))
        raise DataError(
            f"item {row} of the data set has parts without names",
            expected=_SHAPES,
            got=f"{len(item)} parts",
            fix='let __getitem__ return {"x": ..., "y": ..., "z": ...}',
            code="D039",
        )
    return {"x": item}


def _to_tensor(row: int, key: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    if type(value).__module__.startswith("PIL."):
        if value.mode in ("1", "L", "RGB"):
            pixels = np.array(value, dtype=np.uint8)
            return torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)
        raise DataError(
            f"item {row} of the data set: {key} is an image of mode {value.mode}",
            expected="mode 1, L or RGB",
            got=value.mode,
            fix='image.convert("RGB") in the data set\'s transform',
            code="D040",
        )
    if isinstance(value, np.ndarray | np.generic | bool | int | float):
        array = np.asarray(value)
        if array.dtype.kind in "biufc":
            return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    raise DataError(
        f"item {row} of the data set: {key} is nothing that can be stacked",
        expected=_SHAPES,
        got=type(value).__name__,
        fix="let the data set's transform return tensors",
        code="D041",
    )


def _must_be_alike(row: int, item: Mapping[str, Tensor], columns: Mapping[str, Tensor]) -> None:
    said = {key: (tuple(value.shape), value.dtype) for key, value in item.items()}
    first = {key: (tuple(column.shape[1:]), column.dtype) for key, column in columns.items()}
    if said != first:
        different = [key for key in first | said if said.get(key) != first.get(key)]
        raise DataError(
            f"item {row} of the data set is unlike item 0",
            expected=", ".join(f"{key} {_in_words(first.get(key))}" for key in different),
            got=", ".join(f"{key} {_in_words(said.get(key))}" for key in different),
            fix='a transform that brings items to one shape; of sequences, {"x": [tensor, tensor, ...]}',
            code="D042",
        )


def _in_words(form: tuple[tuple[int, ...], torch.dtype] | None) -> str:
    return "missing" if form is None else f"{str(form[1]).removeprefix('torch.')} {list(form[0])}"
