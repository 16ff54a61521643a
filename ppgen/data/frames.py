"""Tables of pandas: each column by its name, with its kind read from its type."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from ppgen.declare import MISSING
from ppgen.errors import DataError

__all__ = ["Frames", "is_frame", "read_frames"]

_MANY_ROWS = 20
"""From which on it says something that no value comes twice."""


@dataclasses.dataclass(frozen=True)
class Frames:
    """What tables say beside their numbers.

    Args:
        arrays: numpy arrays [N] by column; of several splits, these by split.
        kinds: of the columns whose type tells their kind.
        categories: names of the classes of columns of text or categories.
    """

    arrays: Any
    kinds: Mapping[str, str]
    categories: Mapping[str, tuple[str, ...]]


def is_frame(data: Any) -> bool:
    """Whether ``data`` is a pandas DataFrame; pandas is not imported to find out.

    Args:
        data: whatever a user passes as data.
    """
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def read_frames(data: Any, known: Mapping[str, tuple[str, ...]] | None = None) -> Frames:
    """Tables as arrays: booleans as 0 and 1, text and categories as class numbers, numbers as they are.

    Args:
        data: a DataFrame, or DataFrames by split; anything else comes back as it is.
        known: the categories that text must be one of, by column; by default those that it has. Splits share them.

    Raises:
        DataError: naming column and row, for dates and objects, for numbers that are missing (a boolean, text or
            category that is missing becomes -1), and for text that is none of the known categories.

    Example:
        >>> import pandas
        >>> read_frames(pandas.DataFrame({"age": [3.5, 4.0], "pet": ["dog", "cat"]})).arrays["pet"]
        array([1, 0])
    """
    frames = {"": data} if is_frame(data) else data
    if not isinstance(frames, Mapping) or not any(is_frame(frame) for frame in frames.values()):
        return Frames(data, {}, {})
    kinds: dict[str, str] = {}
    categories = dict(known or {})
    for frame in frames.values():
        if is_frame(frame):
            _check_names(frame)
            for name in frame.columns:
                kinds |= _kind_of(frame[name], name)
                if known is None and kinds.get(name) == "categorical":
                    categories[name] = (*categories.get(name, ()), *_names_in(frame[name]))
    for name in categories if known is None else ():
        _check_words([frame[name] for frame in frames.values() if is_frame(frame) and name in frame.columns], name)
    categories = {name: tuple(dict.fromkeys(found)) for name, found in categories.items()}
    arrays = {
        split: {name: _to_array(frame[name], name, kinds, categories) for name in frame.columns}
        if is_frame(frame)
        else frame
        for split, frame in frames.items()
    }
    return Frames(arrays[""] if is_frame(data) else arrays, kinds, categories)


def _check_names(frame: Any) -> None:
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(
            f"the table has two columns {twice[0]!r}",
            expected="a name for each column",
            got=f"{list(frame.columns).count(twice[0])} columns of that name",
            fix="frame.loc[:, ~frame.columns.duplicated()]",
            code="D018",
        )


def _kind_of(column: Any, name: str) -> dict[str, str]:
    """The kind that a column's type tells; integers may be classes or counts, which their values decide."""
    from pandas.api import types

    dtype = column.dtype
    if types.is_bool_dtype(dtype) and not isinstance(dtype, _categorical()):
        return {name: "binary"}
    if types.is_float_dtype(dtype):
        return {name: "real"}
    if types.is_integer_dtype(dtype):
        return {}
    if types.is_object_dtype(dtype):
        odd = [(row, value) for row, value in enumerate(column) if value is not None and not isinstance(value, str)]
        odd = [(row, value) for row, value in odd if not (isinstance(value, float) and np.isnan(value))]
        if not odd:
            return {name: "categorical"}
        row, value = odd[0]
        raise DataError(
            f"{name} holds objects",
            expected="numbers, booleans, text or categories",
            got=f"{type(value).__name__} in row {row}",
            fix=f'frame["{name}"].astype("float"), or .astype("str") for classes',
            code="D019",
        )
    if isinstance(dtype, _categorical()) or types.is_string_dtype(dtype):
        return {name: "categorical"}
    raise DataError(
        f"{name} holds no numbers",
        expected="numbers, booleans, text or categories",
        got=f"dtype {dtype}",
        fix=f'frame.drop(columns="{name}"), or a number made of it: (frame["{name}"] - start).dt.total_seconds()'
        if types.is_datetime64_any_dtype(dtype)
        else f'frame.drop(columns="{name}"), or a number made of it',
        code="D020",
    )


def _check_words(columns: list[Any], name: str) -> None:
    """Refuse text of which no value comes twice in all splits: a name or a date, and no class."""
    words = [word for column in columns for word in column.dropna()]
    is_text = not any(isinstance(column.dtype, _categorical()) for column in columns)
    if is_text and len(words) >= _MANY_ROWS and len(set(words)) == len(words):
        raise DataError(
            f"{name}: no value comes twice in {len(words)} rows, so that these are no classes",
            expected="text of which many rows share a value",
            got=f"{words[0]!r}, {words[1]!r} and so on",
            fix=f'leave the column {name} out, frame.drop(columns="{name}"), or make a number of it',
            code="D110",
        )


def _categorical() -> Any:
    from pandas import CategoricalDtype

    return CategoricalDtype


def _names_in(column: Any) -> list[str]:
    """The categories of a column, in their own order; of text, in that of the alphabet."""
    if isinstance(column.dtype, _categorical()):
        return [str(category) for category in column.cat.categories]
    return sorted(set(column.dropna()))


def _to_array(column: Any, name: str, kinds: Mapping[str, str], categories: Mapping[str, tuple[str, ...]]) -> Any:
    missing = column.isna().to_numpy()
    kind = kinds.get(name)
    if missing.any() and (kind not in ("binary", "categorical") or name == "x"):  # an x is never a label
        raise DataError(
            f"{name} is missing in {int(missing.sum())} row{'s' if missing.sum() > 1 else ''}",
            expected="a value in every row",
            got=f"{column.iloc[int(missing.argmax())]} in row {int(missing.argmax())}",
            fix=f'frame.dropna(subset="{name}"), or frame.fillna({{"{name}": ...}})',
            code="D021",
        )
    if kind == "categorical":
        numbers = {category: number for number, category in enumerate(categories.get(name, ()))}
        values = [None if gone else str(value) for value, gone in zip(column, missing, strict=True)]
        for row, value in enumerate(values):
            if value is not None and value not in numbers:
                raise DataError(
                    f"{name} is of no category that is known",
                    expected=", ".join(numbers) or "numbers, as in the data that the model was fitted to",
                    got=f"{value!r} in row {row}",
                    fix=f'frame[frame["{name}"].isin(data.columns["{name}"].categories)]',
                    code="D022",
                )
        return np.array([MISSING if value is None else numbers[value] for value in values], dtype=np.int64)
    if kind == "binary":
        return column.astype("object").where(~missing, MISSING).to_numpy(dtype=np.int64)
    if kind == "real":
        return column.to_numpy(dtype=np.float64)
    return column.to_numpy(dtype=np.uint64 if column.dtype == "uint64" else np.int64)
