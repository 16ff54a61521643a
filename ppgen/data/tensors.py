"""A user's own tensors and arrays: made into columns, or refused with a reason, and into a data set."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.data.binarize import Source, check_mode, with_protocol
from ppgen.data.dataset import MEASURES, SPLITS, Dataset, check_seed, fractions, main_site, num_rows, shuffle_split
from ppgen.data.transforms import ToFloat
from ppgen.errors import DataError, SettingError

__all__ = ["class_counts", "from_tensors", "split_columns", "to_column", "to_columns"]


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
        >>> from_tensors({"x": torch.rand(50, 2), "y": torch.arange(50) % 3})
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
    found = next(known for known in MEASURES if all(_is_surely(known, part) for part in values))
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
        return with_protocol(source, name=name, binarize=binarize, dequantize=dequantize, seed=seed)
    if measure is not None:
        _check_measure(name, key, measure, values)
    transform = ToFloat(key=key) if values[0].dtype == torch.uint8 else None
    return Dataset(name, measure or found, splits, transform, num_classes=num_classes)


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
    if "train" not in given:
        raise DataError(
            "no training rows",
            expected='"train", and if you like "valid" and "test"',
            got=", ".join(given),
            fix='{"train": {"x": x}, "test": {"x": x_test}}',
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
            )


def _float_images(columns: Mapping[str, Tensor], but: str) -> dict[str, Tensor]:
    # One site at most is cast a minibatch at a time: a second image is rare, and then costs four times the memory.
    floats = torch.get_default_dtype()
    return {key: t.to(floats) if t.dtype == torch.uint8 and key != but else t for key, t in columns.items()}


def class_counts(splits: Mapping[str, Mapping[str, Tensor]]) -> dict[str, int]:
    """One more than the largest label of every covariate of labels: integers [N] from 0 on; -1 where one is missing."""
    train, main = splits["train"], main_site(splits["train"])
    integers = [key for key, column in train.items() if column.dtype == torch.int64 and column.dim() == 1]
    columns = {
        key: torch.cat([each[key] for each in splits.values() if key in each]) for key in integers if key != main
    }
    return {key: int(c.max()) + 1 for key, c in columns.items() if c.min() >= -1 and c.max() >= 0}


def _is_surely(measure: str, values: Tensor) -> bool:
    """Whether a measure can be concluded from type and values; of floats, 8-bit levels cannot."""
    return values.dtype == torch.uint8 if measure == "8-bit" else _holds(measure, values)


def _holds(measure: str, values: Tensor) -> bool:
    """Whether values can have a measure."""
    match measure:
        case "binary":
            return bool(((values == 0) | (values == 1)).all())
        case "8-bit":
            return _on_grid(values) or _on_grid(values * 255.0)
        case "integer":
            return not values.is_floating_point() or bool((values == values.round()).all())
        case "unit interval":
            return bool(values.min() >= 0 and values.max() <= 1)
    return True


def _on_grid(values: Tensor) -> bool:
    """Whether all values are whole numbers in 0..255, up to the rounding of a division by 255."""
    real = values.to(torch.float64)
    return bool((real.min() >= -1e-3) & (real.max() <= 255.001) & ((real - real.round()).abs() < 1e-3).all())


def _check_measure(name: str, key: str, measure: str, values: list[Tensor]) -> None:
    one_of(f"{name}: measure", measure, MEASURES)
    if not all(_holds(measure, part) for part in values):
        low, high = min(v.min().item() for v in values), max(v.max().item() for v in values)
        raise DataError(
            f"{name}: {key} is not {measure}",
            expected=f"values of the measure {measure!r}",
            got=f"values in [{low:.4g}, {high:.4g}]",
            fix='binarize="static"' if measure == "binary" else "leave measure out: it is read from the values",
        )


def to_columns(given: Any) -> dict[str, Tensor]:
    """Tensors of equal length from a user's tensors or arrays.

    Args:
        given: a mapping of sites and covariates to values [N, ...]; anything else means ``{"x": given}``.

    Returns:
        See :func:`to_column` for the types.

    Raises:
        DataError: for anything that is not a non-empty, finite, numeric array, or if the lengths differ.
    """
    given = given if isinstance(given, Mapping) else {"x": given}
    if not given:
        raise DataError(
            "the data has no columns", expected='{"x": tensor}', got="an empty dictionary", fix='data={"x": tensor}'
        )
    for key in given:
        if not isinstance(key, str) or not key.isidentifier():
            raise DataError(
                f"{key!r} cannot name a site",
                expected="the name of a method or argument of the model",
                got=repr(key),
                fix='data={"x": tensor, "y": labels}',
            )
    columns = {key: to_column(key, value) for key, value in given.items()}
    if num_rows("the columns", columns) == 0:
        raise DataError(
            "the data set is empty",
            expected="at least one row",
            got="0 rows",
            fix="look at the filter or the file that left nothing over",
        )
    return columns


def to_column(name: str, value: Any) -> Tensor:
    """One column as a tensor of its own memory, [N, ...].

    Floats take torch's default type. Integers and booleans become int64 labels, except that ``x`` becomes float, and
    that uint8 or boolean arrays of two or more dimensions are images and become uint8, values unchanged.

    Args:
        name: for error texts, and ``"x"`` is never an integer label.
        value: a tensor or a numpy array.

    Raises:
        DataError: for lists and other types, object, string and complex arrays, scalars, and values not finite.
    """
    tensor = _to_tensor(name, value)
    if tensor.dim() == 0 or 0 in tensor.shape[1:]:
        raise DataError(
            f"{name} has no rows" if tensor.dim() == 0 else f"{name} has rows without values",
            expected="[N, ...], one row per data point, with at least one value each",
            got=str(list(tensor.shape)),
            fix=f"{name}.reshape(1)" if tensor.dim() == 0 else "look at the slice that left nothing over",
        )
    if tensor.is_complex():
        raise DataError(
            f"{name} is complex",
            expected="real numbers",
            got=str(tensor.dtype),
            fix=f"torch.view_as_real({name}), or its modulus and phase",
        )
    if tensor.is_floating_point():
        bad = (~torch.isfinite(tensor)).nonzero()
        if len(bad):
            raise DataError(
                f"{name} has {len(bad)} non-finite value{'s' if len(bad) > 1 else ''}, first at {bad[0].tolist()}",
                expected="finite numbers",
                got=str(tensor[tuple(bad[0].tolist())].item()),
                fix=f"keep = torch.isfinite({name}).flatten(1).all(1), and keep those rows of every column",
            )
        return tensor.to(torch.get_default_dtype())
    if tensor.dim() >= 2 and tensor.dtype in (torch.uint8, torch.bool):
        return tensor.to(torch.uint8)
    return tensor.to(torch.get_default_dtype() if name == "x" else torch.int64)


# By kind of a numpy type: the most bytes of one that torch has too, and the type for those that it lacks.
_WIDEST = {"u": (1, np.int64), "f": (8, np.float64), "c": (16, np.complex128)}


def _to_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        if value.layout is not torch.strided:
            raise DataError(
                f"{name} is sparse", expected="a dense tensor", got=str(value.layout), fix=f"{name}.to_dense()"
            )
        # A copy, so that a later change of the user's tensor cannot change data that has a fingerprint.
        return value.detach().clone()
    if not isinstance(value, np.ndarray):
        raise DataError(
            f"{name} is no tensor",
            expected="a tensor or a numpy array, [N, ...]",
            got=type(value).__name__,
            fix=f"numpy.asarray({name})",
        )
    if value.dtype.kind not in "biufc":
        is_text = value.dtype.kind in "US"
        raise DataError(
            f"{name} holds {'text' if is_text else 'objects' if value.dtype.kind == 'O' else 'no numbers'}",
            expected="numbers, in rows of equal shape; labels as integers 0, 1, ...",
            got=f"dtype {value.dtype}",
            fix=f"names, {name} = numpy.unique({name}, return_inverse=True)"
            if is_text
            else f"numpy.stack(list({name})).astype('float32')",
        )
    # numpy has types, byte orders and read-only views that torch lacks; one copy settles all of them.
    most, wide = _WIDEST.get(value.dtype.kind, (8, None))
    dtype = wide if value.dtype.itemsize > most else value.dtype.newbyteorder("=")
    return torch.from_numpy(np.array(value, dtype=dtype, order="C"))
