"""A data set of a user's own tensors, arrays or tables, split and described."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.checked import checked
from ppgen.data.binarize import Source, check_mode, with_protocol
from ppgen.data.column import MEASURE_OF_KIND, Kinds, check_kind, check_kinds, lengths_of
from ppgen.data.conversion import to_columns
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.frames import read_frames
from ppgen.data.measures import check_measure, measure_of
from ppgen.data.padding import pad_alike
from ppgen.data.splitting import SPLITS, check_seed, fractions, num_rows, shuffle_split
from ppgen.data.transforms import ToFloat
from ppgen.errors import DataError, SettingError

__all__ = ["class_counts", "from_tensors", "split_columns"]


@checked
def from_tensors(
    tensors: Any,
    *,
    valid: float | None = None,
    test: float | None = None,
    seed: int = 0,
    name: str = "tensors",
    measure: str | None = None,
    binarize: str | None = None,
    dequantize: bool = False,
    kinds: Kinds | None = None,
) -> Dataset:
    """A data set from tensors, numpy arrays or tables, with their values as they are.

    Sequences of different lengths are a list of tensors [T_i, ...], ``{"x": [first, second, ...]}``: they are padded
    with zeros, and their lengths become the covariate ``x_lengths`` [N]. Or give both: ``{"x": [N, T, ...],
    "x_lengths": [N]}``, and what stands behind the end of a sequence is set to zero.

    Args:
        tensors: ``{"x": [N, ...], "y": [N]}``, keyed by site and covariate; a single tensor or array means
            ``{"x": tensor}``. A pandas DataFrame stands for its columns (text and categories become class numbers,
            floats are real), a map-style ``torch.utils.data.Dataset`` for its items. Or ``{"train": ..., "valid":
            ..., "test": ...}`` of those, to keep splits of your own; a missing valid or test split is taken from the
            training rows. ``{"train": ...}`` alone is all for training, in its order.
        valid: fraction of the rows for validation; 0 leaves that split empty; default: a tenth, and 0 with
            ``{"train": ...}`` alone.
        test: fraction of the rows for the test; by default likewise.
        seed: of the split, and of static bits.
        name: for tables and reports.
        measure: what the values of ``x`` are; read from them where not given. uint8 pixels are ``"8-bit"`` and keep
            their values 0..255, as floats: nothing is rescaled silently.
        binarize: ``"static"``, ``"dynamic"`` or ``"threshold"``, for floats in [0, 1] or uint8 in 0..255.
        dequantize: ``(x + u) / 256`` for uint8 pixels.
        kinds: of columns whose values cannot tell it: ``{"n": "count"}`` for integers that are no labels; see
            :class:`~ppgen.data.Column`. Integers that are ``"real"`` become floats.

    Returns:
        A :class:`~ppgen.data.Dataset`; its integer columns of one dimension have ``num_classes``, one more than the
        largest label in any split.

    Raises:
        DataError: for data that cannot be used: empty, ragged, not finite, not numeric, or not of the kind named.
        SettingError: for arguments that make no sense together.

    Example:
        >>> from_tensors({"x": torch.rand(50, 2), "y": torch.arange(50) % 3})
        Dataset 'tensors': x [2], real, unit interval (as given)
          train 40, valid 5, test 5
          y: categorical, 3 classes
    """
    check_mode(name, binarize, dequantize)
    check_seed(seed)
    table = read_frames(tensors)
    share = 0.0 if isinstance(tensors, Mapping) and set(tensors) == {"train"} else 0.1
    splits = split_columns(table.arrays, share if valid is None else valid, share if test is None else test, seed)
    given = {} if kinds is None else kinds
    check_kinds(name, given, splits["train"])
    told = {**table.kinds, **given}
    splits = _of_kinds(splits, told)
    key = main_site(splits["train"])
    if (bits := splits["train"][key]).dtype == torch.bool and bits.dim() > 1:  # an image by another name than x
        splits = {split: columns | {key: columns[key].to(torch.uint8)} for split, columns in splits.items()}
    splits = {split: _float_images(columns, but=key) for split, columns in splits.items()}
    num_classes = _class_counts_of_kinds(class_counts(splits), told, table.categories, key)
    values = [columns[key] for columns in splits.values() if len(columns.get(key, ()))]
    found = MEASURE_OF_KIND.get(told.get(key, "")) or measure_of(values)
    if binarize not in (None, "default") or dequantize:
        if measure is not None or key in given:
            raise SettingError(
                f"{name}: {'measure is a consequence' if measure else 'measure and kind are consequences'} of binarize "
                "and dequantize",
                expected="one or the other",
                got=f"measure={measure!r}" if measure else f"kinds={{{key!r}: {given[key]!r}}}",
                fix="leave measure out" if measure else f"leave {key} out of kinds",
                code="S044",
            )
        levels = 255.0 if values[0].dtype == torch.uint8 and found != "binary" else 1.0
        source = Source(splits, levels, num_classes, bits="as given" if found == "binary" else "", key=key)
        made = with_protocol(source, name=name, binarize=binarize, dequantize=dequantize, seed=seed)
        others = {column: kind for column, kind in told.items() if column != key}
        return dataclasses.replace(made, kinds=others, categories=table.categories)
    if measure is not None:
        check_measure(name, key, measure, values)
    transform = ToFloat(key=key) if values[0].dtype == torch.uint8 else None
    return Dataset(
        name,
        measure or found,
        splits,
        transform,
        num_classes=num_classes,
        kinds=told,
        categories=table.categories,
    )


def split_columns(tensors: Any, valid: float = 0.1, test: float = 0.1, seed: int = 0) -> dict[str, dict[str, Tensor]]:
    """The three splits of validated columns.

    Args:
        tensors: columns [N, ...], or splits of them, as :func:`from_tensors` takes them.
        valid: fraction of the rows for validation, where there is no such split.
        test: fraction of the rows for the test, where there is no such split.
        seed: of the shuffle.
    """
    is_split = isinstance(tensors, Mapping) and bool(tensors) and set(tensors) <= set(SPLITS)
    given = {split: to_columns(part) for split, part in (tensors if is_split else {"train": tensors}).items()}
    given = pad_alike(given)
    if "train" not in given:
        raise DataError(
            "no training rows",
            expected='"train", and if you like "valid" and "test"',
            got=", ".join(given),
            fix='{"train": {"x": x}, "test": {"x": x_test}}',
            code="D034",
        )
    _refuse_copies(given)
    shares = (0.0 if "valid" in given else valid, 0.0 if "test" in given else test)
    num_valid, num_test = fractions(num_rows("the columns", given["train"]), *shares)
    cut = shuffle_split(given["train"], num_valid, num_test, seed)
    if is_split and num_valid == num_test == 0:
        return cut | given  # without anything to carve, the rows keep the order that their owner gave them
    return cut | {split: columns for split, columns in given.items() if split != "train"}


def _refuse_copies(given: Mapping[str, Mapping[str, Tensor]]) -> None:
    for first, second in itertools.combinations(given, 2):
        one, other = given[first], given[second]
        if one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one):
            raise DataError(
                f"the {first} and {second} splits are the same rows",
                expected="disjoint splits: a score on training rows says nothing",
                got=f"the same {len(next(iter(one.values())))} rows twice",
                fix='pass the rows once, data={"x": x}, and they are split',
                code="D035",
            )


def _of_kinds(splits: Mapping[str, Mapping[str, Tensor]], kinds: Mapping[str, str]) -> dict[str, dict[str, Tensor]]:
    """Columns in the type of their kind: integers that are real as floats, floats that are classes as integers."""
    for key, kind in kinds.items():
        check_kind(key, [columns[key] for columns in splits.values() if key in columns], kind)
    main, floats = main_site(splits["train"]), torch.get_default_dtype()
    types = {key: floats for key, kind in kinds.items() if kind == "real"}
    types |= {key: torch.int64 for key, kind in kinds.items() if kind == "categorical" and key != main}
    return {
        split: {key: t.to(types[key]) if key in types and t.dtype != torch.uint8 else t for key, t in columns.items()}
        for split, columns in splits.items()
    }


def _class_counts_of_kinds(
    counts: Mapping[str, int], kinds: Mapping[str, str], categories: Mapping[str, tuple[str, ...]], main: str
) -> dict[str, int]:
    """The classes of labels whose kind is told: two of bits, as many as have names, none of what is no label."""
    labels = {key: num for key, num in counts.items() if kinds.get(key, "categorical") in ("binary", "categorical")}
    two = {key: 2 for key in labels if kinds.get(key) == "binary"}
    named = {key: len(names) for key, names in categories.items() if key != main and kinds[key] == "categorical"}
    return labels | two | named


def _float_images(columns: Mapping[str, Tensor], but: str) -> dict[str, Tensor]:
    # One site at most is cast a minibatch at a time: a second image is rare, and then costs four times the memory.
    floats = torch.get_default_dtype()
    return {key: t.to(floats) if t.dtype == torch.uint8 and key != but else t for key, t in columns.items()}


def class_counts(splits: Mapping[str, Mapping[str, Tensor]]) -> dict[str, int]:
    """One more than the largest label of every covariate of labels: bits, or integers [N]; -1 where one is missing."""
    train, main = splits["train"], main_site(splits["train"])
    others = {main, *(lengths_of(key, train) for key in train)}
    is_label = {key: t.dtype in (torch.int64, torch.bool) and t.dim() == 1 for key, t in train.items()}
    labels = [key for key in train if is_label[key] and key not in others]
    columns = {key: torch.cat([each[key] for each in splits.values() if key in each]).long() for key in labels}
    return {key: int(c.max()) + 1 for key, c in columns.items() if c.min() >= -1 and c.max() >= 0}
