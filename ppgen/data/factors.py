"""Factors of variation and attributes, as what a conditional model is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ppgen.data.dataset import Dataset, main_site
from ppgen.data.steps import derived
from ppgen.errors import SettingError

__all__ = ["attributes"]


def attributes(dataset: Dataset, columns: Sequence[str], *, key: str = "y") -> Dataset:
    """Gather columns into one vector for each data point, the covariate ``y`` of a conditional model.

    A column of labels enters as one-hot classes (the factors of ``sprites``), any other as its numbers (the 40
    attributes of ``celeba``). ``ppgen.models.ConditionalVAE`` takes it, with the vector's length as ``num_classes``.

    Args:
        dataset: with these columns.
        columns: their names.
        key: name of the new column; one of that name is replaced if it is among ``columns``.

    Returns:
        The data set with ``key`` [N, A], floats; the columns themselves stay.

    Raises:
        SettingError: if a column does not exist, or holds images or missing labels.

    Example:
        >>> import ppgen
        >>> sprites = attributes(ppgen.data.load("sprites"), ["shape", "scale"])
        >>> sprites.split("test")["y"].shape
        torch.Size([1843, 7])
    """
    train = dataset.splits["train"]
    main = main_site(train)
    usable = [name for name, tensor in train.items() if name != main and tensor.dim() <= 2]
    wrong = [name for name in columns if name not in usable]
    if isinstance(columns, str) or not columns or wrong:
        raise SettingError(
            f"{dataset.name}: " + (f"{wrong[0]!r} is no column of factors" if wrong else "no columns are named"),
            expected=f"a list of some of {', '.join(usable)}" if usable else "a data set with labels or attributes",
            got=repr(columns),
            fix=f"columns={usable[:2]}" if usable else 'data={"x": x, "y": labels}',
        )
    if key in dataset.keys and key not in columns:
        raise SettingError(
            f"{dataset.name}: it has a column {key!r} already",
            expected="a new name",
            got=repr(key),
            fix=f"key={key + '_vector'!r}, or name {key!r} among the columns",
        )
    missing = [name for name in columns if name in dataset.num_classes and bool((train[name] < 0).any())]
    if missing:
        raise SettingError(
            f"{dataset.name}: {missing[0]!r} is missing in some rows, and what a model is told has to be known",
            expected="a value in every row",
            got="-1 where it is missing",
            fix="take the attributes of the data set with all labels",
        )
    splits = {
        split: {**{name: t for name, t in stored.items() if name != key}, key: _vector(dataset, stored, columns)}
        for split, stored in dataset.splits.items()
    }
    classes = {name: size for name, size in dataset.num_classes.items() if name != key}
    return derived(dataset, "attributes", {"columns": list(columns), "key": key}, splits=splits, num_classes=classes)


def _vector(dataset: Dataset, stored: Mapping[str, Tensor], columns: Sequence[str]) -> Tensor:
    parts = []
    for name in columns:
        part = stored[name]
        if name in dataset.num_classes:
            part = one_hot(part, dataset.num_classes[name])
        parts.append(part.reshape(len(part), -1).to(torch.get_default_dtype()))
    return torch.cat(parts, 1)
