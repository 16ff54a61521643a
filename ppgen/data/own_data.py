"""The form in which named models take a user's own data: columns x and y, images with their channels first, k / 255."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.data.column import lengths_of
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.measures import on_levels
from ppgen.data.picture_sizes import channels_first
from ppgen.data.transforms import ToFloat

__all__ = ["lines", "usual_form"]

_NAMES = {
    "x": ("x", "images", "image", "data", "features", "inputs"),
    "y": ("y", "labels", "label", "targets", "target"),
}
_SMALLEST_IMAGE = 8  # pixels each way: a smaller table of numbers is as likely a sequence


def usual_form(dataset: Dataset) -> Dataset:
    """The same data as the recipes of the zoo take them; the data set itself where it has that form.

    - Columns called ``images``, ``data`` .. and ``labels``, ``targets`` .. become ``x`` and ``y``; labels ``[N, 1]``
      become ``[N]``.
    - Images ``[N, H, W]`` and ``[N, H, W, C]`` become ``[N, C, H, W]``; transparency is dropped.
    - Levels 0..255 become ``k / 255`` under the measure ``"8-bit"``, whether they came as bytes or as floats.

    - In a table without x, whole numbers with more than 32 values and no names are counts.

    Floats ``[N, H, W]`` are images where they are levels or lie in [0, 1], with 8 pixels each way at least.

    Args:
        dataset: of tensors, arrays or files as they came.

    Example:
        >>> import ppgen
        >>> pixels = torch.arange(50 * 9 * 9 * 3).reshape(50, 9, 9, 3).remainder(256).to(torch.uint8)
        >>> print(usual_form(ppgen.data.from_tensors({"images": pixels, "labels": torch.arange(50) % 2})))
        Dataset 'tensors': x [3, 9, 9], image, 8-bit (256 grey levels, k / 255)
          train 40, valid 5, test 5
          y: binary
    """
    if dataset.domains or (dataset.transform is not None and dataset.transform.adds):
        return dataset  # somebody has decided already
    is_plain = dataset.transform is None or dataset.transform == ToFloat(key=dataset.transform.key)
    names = _usual_names(dataset.splits["train"])
    splits = {
        split: {names[key]: _labels(t) if names[key] == "y" else t for key, t in columns.items()}
        for split, columns in dataset.splits.items()
    }
    if "x" not in splits["train"]:
        return _counted(dataset)
    key = "x"
    values = [columns[key] for columns in splits.values()]
    measure, transform, protocol = dataset.measure, dataset.transform, dataset.protocol
    levels = on_levels([part for part in values if len(part)])
    if is_plain and levels is not None and _may_be_pixels(dataset.measure, values):
        values = [
            part if part.dtype == torch.uint8 else (part * (255.0 / levels)).round().to(torch.uint8) for part in values
        ]
        measure, transform, protocol = "8-bit", ToFloat(255.0, key), "256 grey levels, k / 255"
    elif transform is not None:
        transform = dataclasses.replace(transform, key=key)
    if lengths_of(key, splits["train"]) is None and _are_images(values[0], measure):
        values = [channels_first(part) for part in values]
    splits = {split: {**columns, key: part} for (split, columns), part in zip(splits.items(), values, strict=True)}
    same = names == {name: name for name in names} and (measure, protocol) == (dataset.measure, dataset.protocol)
    if same and all(t.shape == splits[s][k].shape for s, columns in dataset.splits.items() for k, t in columns.items()):
        return dataset
    renamed = {field: _renamed(getattr(dataset, field), names) for field in ("num_classes", "kinds", "categories")}
    spec = dict(dataset.spec)
    if spec:
        spec["steps"] = [*spec.get("steps", []), ["usual_form", {}]]
    if names != {name: name for name in names} and "y" in splits["train"] and "y" not in renamed["num_classes"]:
        labels = [columns["y"] for columns in splits.values()]
        if labels[0].dtype == torch.int64:
            renamed["num_classes"]["y"] = 1 + max(int(part.max()) for part in labels if len(part))
    return dataclasses.replace(
        dataset, splits=splits, measure=measure, transform=transform, protocol=protocol, spec=spec, **renamed
    )


def lines(dataset: Dataset) -> Dataset:
    """Images of one channel as sequences of their lines, from the top; any other data set as it is.

    Args:
        dataset: with images x [N, 1, H, W].

    Example:
        >>> import ppgen
        >>> lines(ppgen.data.load("digits")).x_shape
        (8, 8)
    """
    key = main_site(dataset.splits["train"])
    if dataset.domains or dataset.splits["train"][key].dim() != 4 or dataset.x_shape[0] != 1:
        return dataset
    splits = {split: {**columns, key: columns[key].squeeze(1)} for split, columns in dataset.splits.items()}
    spec = dict(dataset.spec)
    if spec:
        spec["steps"] = [*spec.get("steps", []), ["lines", {}]]
    return dataclasses.replace(dataset, splits=splits, spec=spec)


_MOST_CLASSES = 32  # of whole numbers without names in a table: ages are counts, and answers from 1 to 5 are classes


def _counted(dataset: Dataset) -> Dataset:
    """A table whose whole numbers of many values, and without names, are counts."""
    many = {
        key
        for key, number in dataset.num_classes.items()
        if number > _MOST_CLASSES and key not in dataset.categories and key not in dataset.kinds
    }
    usable = {key for key in many if all(bool((columns[key] >= 0).all()) for columns in dataset.splits.values())}
    if not usable:
        return dataset
    classes = {key: number for key, number in dataset.num_classes.items() if key not in usable}
    spec = dict(dataset.spec)
    if spec:
        spec["steps"] = [*spec.get("steps", []), ["usual_form", {}]]
    kinds = {**dataset.kinds, **dict.fromkeys(usable, "count")}
    floats = torch.get_default_dtype()  # which networks read, and which a draw of a count is
    splits = {
        split: {key: t.to(floats) if key in usable else t for key, t in columns.items()}
        for split, columns in dataset.splits.items()
    }
    return dataclasses.replace(dataset, splits=splits, num_classes=classes, kinds=kinds, spec=spec)


def _may_be_pixels(measure: str, values: list[Tensor]) -> bool:
    """Whether levels are those of pixels: a row of whole numbers is one of counts, unless its highest is 255."""
    if measure == "integer" and values[0].dim() < 3:
        return max(part.max().item() for part in values if len(part)) == 255.0
    return measure in ("8-bit", "unit interval", "integer")


def _usual_names(columns: Mapping[str, Tensor]) -> dict[str, str]:
    """The new name of each column: of several that could be x or y, the first in the list, and none if there is one."""
    names = {key: key for key in columns}
    for usual, others in _NAMES.items():
        found = next((key for name in others for key in columns if key.lower() == name), None)
        if usual not in columns and found is not None:
            names[found] = usual
    return names


def _labels(column: Tensor) -> Tensor:
    """Labels [N] of integers, from [N, 1] too."""
    flat = column.squeeze(1) if column.dim() == 2 and column.shape[1] == 1 else column
    whole = not flat.is_floating_point() or bool((flat == flat.round()).all())
    return flat.long() if flat.dim() == 1 and whole else column


def _are_images(values: Tensor, measure: str) -> bool:
    if values.dim() != 3:
        return values.dim() == 4
    is_large = min(values.shape[1:]) >= _SMALLEST_IMAGE
    return is_large and (values.dtype == torch.uint8 or measure in ("binary", "unit interval"))


def _renamed(named: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in named.items()}
