"""The form in which named models take a user's own data: columns x and y, images with their channels first, k / 255."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from ppgen.data.column import lengths_of
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.domains import Together
from ppgen.data.measures import on_levels
from ppgen.data.picture_sizes import channels_first
from ppgen.data.transforms import ToFloat

__all__ = ["captions", "lines", "usual_form"]

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
    transform = dataset.transform
    if isinstance(transform, Together) or (transform is not None and transform.adds):
        return dataset  # somebody has decided already
    names = _usual_names(dataset.splits["train"])
    if "x" not in names.values():
        return _counted(dataset)
    splits = {
        split: {names[key]: _labels(t) if names[key] == "y" else t for key, t in columns.items()}
        for split, columns in dataset.splits.items()
    }
    values = [columns["x"] for columns in splits.values()]
    measure, protocol = dataset.measure, dataset.protocol
    white = on_levels([part for part in values if len(part)])
    is_plain = transform is None or transform == ToFloat(key=transform.key)
    if is_plain and white is not None and _may_be_pixels(measure, values):
        values = [_as_bytes(part, white) for part in values]
        measure, transform, protocol = "8-bit", ToFloat(255.0), "256 grey levels, k / 255"
    if lengths_of("x", splits["train"]) is None and _are_images(values[0], measure):
        values = [channels_first(part) for part in values]
    splits = {split: {**columns, "x": part} for (split, columns), part in zip(splits.items(), values, strict=True)}
    if (measure, protocol) == (dataset.measure, dataset.protocol) and _shapes(splits) == _shapes(dataset.splits):
        return dataset
    return dataclasses.replace(
        dataset,
        splits=splits,
        measure=measure,
        transform=None if transform is None else dataclasses.replace(cast(Any, transform), key="x"),
        protocol=protocol,
        spec=_with_step(dataset, "usual_form"),
        num_classes=_renamed(dataset.num_classes, names) | _counted_classes(splits, dataset, names),
        kinds=_renamed(dataset.kinds, names),
        categories=_renamed(dataset.categories, names),
    )


def _with_step(dataset: Dataset, step: str) -> dict[str, Any]:
    """What loads the data set again, with one step more; a user's own tensors cannot be loaded again."""
    spec = dict(dataset.spec)
    return spec | {"steps": [*spec.get("steps", []), [step, {}]]} if spec else spec


def _as_bytes(values: Tensor, white: float) -> Tensor:
    return values if values.dtype == torch.uint8 else (values * (255.0 / white)).round().to(torch.uint8)


def _shapes(splits: Mapping[str, Mapping[str, Tensor]]) -> list[tuple[str, torch.Size]]:
    return [(key, t.shape) for columns in splits.values() for key, t in columns.items()]


def _counted_classes(
    splits: Mapping[str, Mapping[str, Tensor]], dataset: Dataset, names: Mapping[str, str]
) -> dict[str, int]:
    """The classes of labels that came as [N, 1], which nobody has counted."""
    own = next((key for key, usual in names.items() if usual == "y"), None)
    if own is None or dataset.splits["train"][own].shape == splits["train"]["y"].shape:
        return {}
    return {"y": 1 + max(int(columns["y"].max()) for columns in splits.values() if len(columns["y"]))}


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
    return dataclasses.replace(dataset, splits=splits, spec=_with_step(dataset, "lines"))


def captions(dataset: Dataset) -> Dataset:
    """Captions of images as sequences x of tokens, in the images' place; any other data set as it is.

    What stands behind the end of a caption is token 0, which becomes a token like the others: the one that ends it.

    Args:
        dataset: with captions [N, T] of tokens.

    Example:
        >>> import ppgen
        >>> texts = captions(ppgen.data.load("glyphs"))
        >>> print(texts.columns["x"], texts.x_shape)
        sequence, integer (8,)
    """
    if dataset.domains or "caption" not in dataset.splits["train"]:
        return dataset
    left_out, floats = ("x", "caption", "caption_lengths"), torch.get_default_dtype()
    splits = {
        split: {"x": columns["caption"].to(floats), **{key: t for key, t in columns.items() if key not in left_out}}
        for split, columns in dataset.splits.items()
    }
    return dataclasses.replace(
        dataset,
        splits=splits,
        measure="integer",
        transform=None,
        protocol="captions",
        spec=_with_step(dataset, "captions"),
        kinds={**dataset.kinds, "x": "sequence"},
        categories=_renamed(dataset.categories, {"caption": "x"}),
    )


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
    kinds = {**dataset.kinds, **dict.fromkeys(usable, "count")}
    floats = torch.get_default_dtype()  # which networks read, and which a draw of a count is
    splits = {
        split: {key: t.to(floats) if key in usable else t for key, t in columns.items()}
        for split, columns in dataset.splits.items()
    }
    return dataclasses.replace(
        dataset, splits=splits, num_classes=classes, kinds=kinds, spec=_with_step(dataset, "usual_form")
    )


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
    """Labels [N] of integers from [N, 1], as some archives have them; any other column as it is."""
    if column.dim() != 2 or column.shape[1] != 1 or not bool((column == column.round()).all()):
        return column
    return column.squeeze(1).long()


def _are_images(values: Tensor, measure: str) -> bool:
    if values.dim() != 3:
        return values.dim() == 4
    is_large = min(values.shape[1:]) >= _SMALLEST_IMAGE
    return is_large and (values.dtype == torch.uint8 or measure in ("binary", "unit interval"))


def _renamed(named: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in named.items()}
