"""A user's own tensors and arrays as a data set."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.data.binarize import Source, check_mode, with_protocol
from ppgen.data.columns import to_columns
from ppgen.data.dataset import MEASURES, SPLITS, Dataset, check_seed, fractions, main_site, shuffle_split
from ppgen.data.transforms import ToFloat
from ppgen.errors import DataError, SettingError

__all__ = ["class_counts", "from_tensors", "split_columns"]


def from_tensors(
    tensors: Any,
    *,
    valid: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    name: str = "tensors",
    measure: str | None = None,
    binarize: str | None = None,
    dequantize: bool = False,
) -> Dataset:
    """A data set from tensors or numpy arrays, with their values as they are.

    Args:
        tensors: ``{"x": [N, ...], "y": [N]}``, keyed by site and covariate; a single tensor or array means
            ``{"x": tensor}``. Or ``{"train": ..., "valid": ..., "test": ...}`` of those, to keep splits of your own;
            a missing valid or test split is taken from the training rows.
        valid: fraction of the rows for validation; 0 leaves that split empty.
        test: fraction of the rows for the test.
        seed: of the split, and of static bits.
        name: for tables and reports.
        measure: what the values of ``x`` are; read from them where not given. uint8 pixels are ``"8-bit"`` and keep
            their values 0..255, as floats: nothing is rescaled silently.
        binarize: ``"static"``, ``"dynamic"`` or ``"threshold"``, for floats in [0, 1] or uint8 in 0..255.
        dequantize: ``(x + u) / 256`` for uint8 pixels.

    Returns:
        A :class:`~ppgen.data.Dataset`; its integer columns of one dimension have ``num_classes``, one more than the
        largest label in any split.

    Raises:
        DataError: for data that cannot be used: empty, ragged, not finite, not numeric.
        SettingError: for arguments that make no sense together.

    Example:
        >>> data = from_tensors({"x": torch.rand(50, 2), "y": torch.arange(50) % 3})
        >>> data
        Dataset 'tensors': x [2], unit interval (as given)
          train 40, valid 5, test 5
          y: integer, 3 classes
    """
    check_mode(name, binarize, dequantize)
    check_seed(seed)
    splits = split_columns(tensors, valid, test, seed)
    key = main_site(splits["train"])
    splits = {split: _float_images(columns, but=key) for split, columns in splits.items()}
    num_classes = class_counts(splits)
    values = [columns[key] for columns in splits.values() if len(columns.get(key, ()))]
    found = _measure(values)
    if binarize not in (None, "default") or dequantize:
        if measure is not None:
            raise SettingError(
                f"{name}: measure is a consequence of binarize and dequantize",
                expected="one or the other",
                got=f"measure={measure!r}",
                fix="leave measure out",
            )
        levels = 255.0 if values[0].dtype == torch.uint8 and found != "binary" else 1.0
        source = Source(splits, levels, num_classes, bits="as given" if found == "binary" else "", key=key)
        return with_protocol(source, name=name, binarize=binarize, dequantize=dequantize, seed=seed, spec={})
    if measure is not None:
        _check_measure(name, key, measure, values)
    transform = ToFloat(key=key) if values[0].dtype == torch.uint8 else None
    return Dataset(name, measure or found, splits, transform, {}, num_classes, "as given")


def split_columns(tensors: Any, valid: float = 0.1, test: float = 0.1, seed: int = 0) -> dict[str, dict[str, Tensor]]:
    """The three splits of validated columns; see :func:`from_tensors` for the arguments."""
    if isinstance(tensors, Mapping) and tensors and set(tensors) <= set(SPLITS):
        given = {split: _columns(part) for split, part in tensors.items()}
        if "train" not in given:
            raise DataError(
                "no training rows",
                expected='"train", and if you like "valid" and "test"',
                got=", ".join(given),
                fix='{"train": {"x": x}, "test": {"x": x_test}}',
            )
        _refuse_copies(given)
        num_train = len(next(iter(given["train"].values())))
        num_valid, num_test = fractions(num_train, 0.0 if "valid" in given else valid, 0.0 if "test" in given else test)
        cut = shuffle_split(given["train"], num_valid, num_test, seed)
        # Without anything to carve, the rows keep the order that their owner gave them.
        first = cut["train"] if num_valid or num_test else given["train"]
        return {"train": first, "valid": given.get("valid", cut["valid"]), "test": given.get("test", cut["test"])}
    columns = _columns(tensors)
    return shuffle_split(columns, *fractions(len(next(iter(columns.values()))), valid, test), seed)


def _refuse_copies(given: Mapping[str, Mapping[str, Tensor]]) -> None:
    for first, second in itertools.combinations(given, 2):
        one, other = given[first], given[second]
        if one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one):
            raise DataError(
                f"the {first} and {second} splits are the same rows",
                expected="disjoint splits: a score on training rows says nothing",
                got=f"the same {len(next(iter(one.values())))} rows twice",
                fix='pass the rows once, data={"x": x}, and they are split',
            )


def _columns(given: Any) -> dict[str, Tensor]:
    return to_columns(given if isinstance(given, Mapping) else {"x": given})


def _float_images(columns: Mapping[str, Tensor], but: str) -> dict[str, Tensor]:
    # One site at most is cast a minibatch at a time: a second image is rare, and then costs four times the memory.
    image = {key for key, column in columns.items() if column.dtype == torch.uint8 and key != but}
    return {key: t.to(torch.get_default_dtype()) if key in image else t for key, t in columns.items()}


def class_counts(splits: Mapping[str, Mapping[str, Tensor]]) -> dict[str, int]:
    """One more than the largest label of every covariate of labels: integers [N] from 0 on; -1 where one is missing."""
    sizes: dict[str, int] = {}
    main = main_site(splits["train"])
    for key, column in splits["train"].items():
        if key != main and column.dtype == torch.int64 and column.dim() == 1:
            labels = torch.cat([columns[key] for columns in splits.values() if key in columns])
            if labels.min() >= -1 and labels.max() >= 0:
                sizes[key] = int(labels.max()) + 1
    return sizes


def _measure(values: list[Tensor]) -> str:
    """What the values are, read from type and range; only certain conclusions are drawn."""
    if all(bool(((part == 0) | (part == 1)).all()) for part in values):
        return "binary"
    if values[0].dtype == torch.uint8:
        return "8-bit"
    if all(bool((part == part.round()).all()) for part in values if part.is_floating_point()):
        return "integer"
    inside = all(part.min() >= 0 and part.max() <= 1 for part in values)
    return "unit interval" if inside else "continuous"


def _check_measure(name: str, key: str, measure: str, values: list[Tensor]) -> None:
    if measure not in MEASURES:
        raise SettingError(
            f"{name}: unknown measure",
            expected=", ".join(MEASURES),
            got=repr(measure),
            fix='measure="continuous", or leave it out',
        )
    holds = {
        "binary": lambda x: bool(((x == 0) | (x == 1)).all()),
        "8-bit": lambda x: _on_grid(x) or _on_grid(x * 255.0),
        "integer": lambda x: not x.is_floating_point() or bool((x == x.round()).all()),
        "unit interval": lambda x: bool(x.min() >= 0 and x.max() <= 1),
        "continuous": lambda x: True,
    }[measure]
    if not all(holds(part) for part in values):
        low, high = min(v.min().item() for v in values), max(v.max().item() for v in values)
        raise DataError(
            f"{name}: {key} is not {measure}",
            expected=f"values of the measure {measure!r}",
            got=f"values in [{low:.4g}, {high:.4g}]",
            fix='binarize="static"' if measure == "binary" else "leave measure out: it is read from the values",
        )


def _on_grid(values: Tensor) -> bool:
    """Whether all values are whole numbers in 0..255, up to the rounding of a division by 255."""
    real = values.to(torch.float64)
    return bool((real.min() >= -1e-3) & (real.max() <= 255.001) & ((real - real.round()).abs() < 1e-3).all())
