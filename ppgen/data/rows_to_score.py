"""Rows of a user's own in the order of their file, as a model of other data sees them: to be scored, not trained on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.data.catalogue import CATALOGUE
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.loading import as_batch, load
from ppgen.data.roots import missing
from ppgen.data.user_files import picture_files, read_arrays, read_folder, read_table
from ppgen.errors import DataError

__all__ = ["own_rows"]

_FORM = ("binarize", "dequantize", "seed", "resize", "crop", "root")


def own_rows(place: str | os.PathLike[str], like: Dataset) -> tuple[list[str], dict[str, Tensor]]:
    """All rows of a file or folder, none left out and none moved, or the test split of a data set by its name.

    Args:
        place: a folder of images, an ``.npy``, ``.npz`` or ``.csv`` file, or one of :func:`ppgen.data.names`.
        like: the data set whose form they take: bytes become numbers as its own do, images are cropped and scaled as
            they were, and text becomes the numbers of its classes.

    Returns:
        A name for each row (the image's path in its folder, else the number of the row, from 0), and tensors
        [N, ...] by site and covariate.

    Raises:
        DataError: for files that are missing or damaged, folders that hold splits, and grey levels where the data set
            has bits.

    Example:
        >>> import tempfile, ppgen
        >>> digits = ppgen.data.load("digits")
        >>> with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        ...     np.save(file.name, np.zeros((3, 1, 8, 8), np.uint8))
        ...     names, rows = own_rows(file.name, digits)
        >>> names, rows["x"].shape, rows["x"].dtype
        (['0', '1', '2'], torch.Size([3, 1, 8, 8]), torch.float32)
    """
    name = os.fspath(place)
    if name in CATALOGUE:
        columns = load(name, **{key: like.spec[key] for key in _FORM if key in like.spec}).split("test")
        return [str(row) for row in range(len(next(iter(columns.values()))))], columns
    path = Path(name).expanduser()
    if not path.exists():
        raise missing("data", path, fix="check the path; names are listed by: ppgen list datasets")
    if path.is_dir():
        return _of_folder(path, like)
    arrays: Any = read_table(path) if path.suffix == ".csv" else read_arrays(path)
    columns = as_batch(arrays, like)
    main = main_site(like.splits["train"])
    if isinstance(arrays, Mapping) and np.asarray(arrays.get(main, 0.0)).dtype == np.uint8:
        columns |= _as_seen({main: torch.from_numpy(np.asarray(arrays[main]))}, like, path)
    return [str(row) for row in range(len(next(iter(columns.values()))))], columns


def _of_folder(folder: Path, like: Dataset) -> tuple[list[str], dict[str, Tensor]]:
    shape = like.x_shape
    side = shape[-1] if len(shape) == 3 and shape[-1] == shape[-2] else None
    splits, _ = read_folder(folder, resize=side, crop=like.spec.get("crop"))
    if list(splits) != ["train"]:
        raise DataError(
            f"{folder} holds splits",
            expected="images to score",
            got=", ".join(splits),
            fix=f"name one of its folders: {folder / 'test'}",
            code="D133",
        )
    names = [str(file.relative_to(folder)) for file, _ in picture_files(folder)]
    x = splits["train"]["x"]
    if like.measure == "binary" and bool(((x == 0) | (x == 255)).all()):
        x = x // 255
    return names, _as_seen({"x": x}, like, folder)


def _as_seen(stored: Mapping[str, Tensor], like: Dataset, place: Path) -> dict[str, Tensor]:
    """Bytes as the data set's own are seen; floats, where it stores no bytes."""
    main, own = main_site(like.splits["train"]), like.splits["train"]
    name, values = next(iter(stored.items()))
    if own[main].dtype != torch.uint8 or name != main:
        return {name: values.to(torch.get_default_dtype())}
    brightest = 255 if like.measure in ("8-bit", "continuous") else int(own[main].max())
    if int(values.max()) > brightest:
        raise DataError(
            f"{place}: values up to {int(values.max())}, where the data of the fit end at {brightest}",
            expected=f"values like those of {like.name}, which is {like.measure} ({like.protocol})",
            got=f"bytes from {int(values.min())} to {int(values.max())}",
            fix="bring them to that form, and save them: numpy.save('rows.npy', x)",
            code="D134",
        )
    splits = {split: {main: columns[main]} for split, columns in like.splits.items()} | {"test": {main: values}}
    facts: dict[str, Any] = {"num_classes": {}, "kinds": {}, "categories": {}, "origin": None}
    return dataclasses.replace(like, splits=splits, **facts).split("test")
