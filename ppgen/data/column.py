"""Columns: of each site and covariate of a data set its kind, the shape of one value, its measure, what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.data.measures import measure_of
from ppgen.declare import MISSING
from ppgen.errors import DataError, SettingError

__all__ = ["KINDS", "MEASURE_OF_KIND", "Column", "check_kind", "check_kinds", "describe_column", "lengths_of"]

KINDS = ("binary", "categorical", "count", "real", "image", "sequence")

# Of whole numbers, the measure follows from what they are, not from which of them happen to be there.
MEASURE_OF_KIND = {"binary": "binary", "categorical": "integer", "count": "integer"}


@dataclasses.dataclass(frozen=True)
class Column:
    """What a data set says of one site or covariate; of every split alike.

    Args:
        name: of the site or covariate.
        kind: ``"binary"`` (0 or 1), ``"categorical"`` (one of ``num_classes`` classes), ``"count"`` (0, 1, 2, ...
            without bound), ``"real"``, ``"image"`` or ``"sequence"``. What the numbers of an image or a sequence are
            is said by its measure.
        event_shape: the shape of one value: ``()`` for a number, ``(channels, height, width)`` for an image,
            ``(T, ...)`` for a sequence.
        measure: what the values are before any likelihood, as ``Dataset.measure`` is for the main site: a real column
            whose numbers happen to be whole is ``"integer"``.
        num_classes: of a categorical column, K: values are 0 to K - 1. 2 for a binary column of labels.
        missing: the value that says that there is none: -1 in columns of integers. ``None`` where every value has to
            be there: values that are not finite are refused.
        lengths: of a sequence, the covariate that holds how many of its T steps are its own, each in 1 to T; ``None``
            where all of them are.
        categories: the names of a categorical column's classes, in the order of their numbers, if it has names.
        domain: of an unpaired data set, the domain whose rows these are; else ``""``.
        levels: how many levels the values lie on, evenly from 0 to ``white``: 256 for pixels of 8 bits; ``None`` where
            they are not on a grid that is known.
        white: the highest level.

    Example:
        >>> import ppgen
        >>> ppgen.data.load("digits").columns["y"]
        Column(name='y', kind='categorical', event_shape=(), measure='integer', num_classes=10, missing=-1)
    """

    name: str
    kind: str
    event_shape: tuple[int, ...]
    measure: str
    num_classes: int | None = None
    missing: int | None = None
    lengths: str | None = None
    categories: tuple[str, ...] = ()
    domain: str = ""
    levels: int | None = None
    white: float | None = None

    @property
    def is_text(self) -> bool:
        """Whether its values are tokens that have names."""
        return self.kind == "sequence" and bool(self.categories)

    def __str__(self) -> str:
        """Kind and what goes with it, in words: ``"categorical, 10 classes"``."""
        if self.kind == "categorical":
            return f"categorical, {self.num_classes} class{'es' * (self.num_classes != 1)}"
        words = [self.kind] if self.kind in MEASURE_OF_KIND else [self.kind, self.measure]
        return ", ".join([*words, f"lengths in {self.lengths}"] if self.lengths else words)

    def __repr__(self) -> str:
        given = ((field, getattr(self, field.name)) for field in dataclasses.fields(self))
        shown = (f"{field.name}={value!r}" for field, value in given if value != field.default)
        return f"Column({', '.join(shown)})"


def lengths_of(name: str, columns: Mapping[str, Any]) -> str | None:
    """The covariate that holds the lengths of a site's sequences, ``NAME_lengths``, if there is one.

    Args:
        name: of the site; where its values are single numbers, [N], there is nothing to have a length.
        columns: tensors or arrays [N, ...] by name.
    """
    lengths = f"{name}_lengths"
    return lengths if lengths in columns and getattr(columns[name], "ndim", 0) > 1 else None


def describe_column(
    name: str,
    values: Sequence[Tensor],
    *,
    kind: str | None = None,
    measure: str | None = None,
    num_classes: int | None = None,
    lengths: str | None = None,
    categories: tuple[str, ...] = (),
) -> Column:
    """A column as its stored values show it, where nobody says more.

    Floats or bytes of three dimensions are images, values with lengths are sequences, integer labels are categorical
    (binary if there are two classes), bits are binary, whole numbers from 0 on are counts, and all else is real.

    Args:
        name: of the column.
        values: stored tensors [N, ...], one for each split.
        kind: what the owner says that it is.
        measure: what is known of the measure; read from the values where not given.
        num_classes: of labels, where known.
        lengths: the covariate that holds the lengths of sequences.
        categories: names of the classes.

    Raises:
        DataError: if the values cannot be of the kind that the owner names.
    """
    if kind is not None:
        check_kind(name, values, kind)
    event_shape = tuple(values[0].shape[1:])
    low = min((part.min().item() for part in values if part.numel()), default=0)
    marked = values[0].dtype == torch.int64 and low == MISSING and kind not in ("real", "image", "sequence")
    present = [part[part != MISSING] if marked else part for part in values]
    found = measure_of(present) if measure is None else measure
    if kind is None:
        kind = "sequence" if lengths else _kind(values[0], found, num_classes, low >= 0 or marked)
    if kind == "categorical" and num_classes is None:
        num_classes = len(categories) or max(int(part.max()) for part in values if part.numel()) + 1
    grid = (256, _white(values)) if measure == "8-bit" or found == "8-bit" else (None, None)
    return Column(
        name,
        kind,
        event_shape,
        MEASURE_OF_KIND.get(kind, found) if measure is None else measure,
        num_classes=num_classes if kind in ("binary", "categorical") else None,
        missing=MISSING if values[0].dtype == torch.int64 and kind in MEASURE_OF_KIND else None,
        lengths=lengths if kind == "sequence" else None,
        categories=categories,
        levels=grid[0],
        white=grid[1],
    )


def _white(values: Sequence[Tensor]) -> float:
    """The highest of 256 levels: 255 of bytes, and of floats that go above 1."""
    is_scaled = values[0].is_floating_point() and all(bool((part <= 1.0).all()) for part in values)
    return 1.0 if is_scaled else 255.0


def _kind(values: Tensor, measure: str, num_classes: int | None, is_natural: bool) -> str:
    if values.dim() == 4 and values.dtype != torch.int64:
        return "image"
    if num_classes is not None:
        return "binary" if num_classes == 2 else "categorical"
    if measure == "binary":
        return "binary"
    return "count" if measure == "integer" and is_natural else "real"


Kinds = Mapping[str, str]  # no law of @checked: check_kinds says more of what they are
"""Kind by column."""


def check_kinds(where: str, kinds: Mapping[str, str], columns: Collection[str]) -> None:
    """Refuse kinds that there are not, and kinds of columns that there are not.

    Args:
        where: whose kinds they are, for the error text.
        kinds: kind by column, as a user gives them.
        columns: the names that there are.

    Raises:
        SettingError: naming the first.
    """
    if not isinstance(kinds, Mapping):
        raise SettingError(
            f"{where}: kinds is no mapping",
            expected="a kind for each column that is named",
            got=repr(kinds),
            fix=f'kinds={{{next(iter(columns))!r}: "count"}}',
            code="S032",
        )
    for name, kind in kinds.items():
        if name not in columns:
            raise SettingError(
                f"{where}: kinds names {name!r}, which is no column",
                expected=f"some of {', '.join(columns)}",
                got=repr(name),
                fix=f"kinds={{{next(iter(columns))!r}: {kind!r}}}",
                code="S033",
            )
        one_of(f"{where}: kind", kind, KINDS)


def check_kind(name: str, values: Sequence[Tensor], kind: str) -> None:
    """Refuse a kind that the values of a column cannot be of, naming the first row that speaks against it.

    Args:
        name: of the column.
        values: stored tensors [N, ...], one for each split.
        kind: what the owner says that it is.

    Raises:
        DataError: in that case.
    """
    dims = {"image": 3, "sequence": 1}.get(kind, 0)
    if values[0].dim() - 1 < dims or (kind == "image" and values[0].dim() != 4):
        raise DataError(
            f"{name} is no {kind}",
            expected="[N, channels, height, width]" if kind == "image" else "[N, T, ...]",
            got=str(list(values[0].shape)),
            fix=f"{name}.reshape(...), or leave it out of kinds=",
            code="D002",
        )
    if kind not in MEASURE_OF_KIND:
        return
    if kind == "categorical" and not any(bool((part >= 0).any()) for part in values):
        raise DataError(
            f"{name} has no classes",
            expected="a class in one row at least",
            got="every value is missing",
            fix=f"leave {name} out",
            code="D003",
        )
    for part in values:
        right = (part == 0) | (part == 1) if kind == "binary" else (part >= 0) & (part == part.round())
        if not part.is_floating_point():
            right |= part == MISSING
        if not bool(right.all()):
            place = (~right).nonzero()[0].tolist()
            raise DataError(
                f"{name} is not {'binary' if kind == 'binary' else f'a {kind} column' if kind == 'count' else kind}",
                expected="0 or 1" if kind == "binary" else "whole numbers from 0 on",
                got=f"{part[tuple(place)].item():.6g} in row {place[0]}",
                fix=f'kinds={{"{name}": "real"}}, or mend the value',
                code="D004",
            )
