"""What a conditional model is told, value by value: a row of a grid for each class, or combination of attributes."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.data import Column, Dataset, words_of
from ppgen.fitted import Fit

__all__ = ["Conditions", "find_conditions"]

_MOST_ROWS = 16
_TEXTS = 8
_LEAST_SHARE = 4  # data points a value: numbers that hardly come again are no classes


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The values of what a model is told.

    Args:
        names: of the covariates.
        values: one a row, [R, D]: the covariates side by side.
        labels: of the rows, in words.
        known: how many values there are, of which these are some.
    """

    names: tuple[str, ...]
    values: Tensor
    labels: tuple[str, ...]
    known: int

    @property
    def caption(self) -> str:
        """What the rows are, in a sentence."""
        few = f", {len(self.labels)} of {self.known}" if self.known > len(self.labels) else ""
        return f"Each row is one value of {', '.join(self.names)}{few}."

    def rows_of(self, columns: Mapping[str, Tensor], times: int) -> Tensor:
        """For each value, the first data points that have it, over and over where they run out.

        Args:
            columns: data, [N, ...] each.
            times: how many data points a value.

        Returns:
            Their places among the data, [R * times], those of one value together.
        """
        same = (_side_by_side(columns, self.names)[:, None] == self.values).all(-1)
        chosen = []
        for has in same.T:
            places = has.nonzero().flatten().tolist()
            turns = itertools.cycle(places or range(len(same)))  # a split may lack a value: show any
            chosen += list(itertools.islice(turns, times))
        return torch.tensor(chosen)


def find_conditions(fit: Fit, test: Mapping[str, Tensor]) -> Conditions | None:
    """The values of what a model is told, where they are few and come again, or are text.

    Args:
        fit: a fit.
        test: data, [N, ...] each.

    Returns:
        At most 16 of them, in order, and of texts 8 that lie evenly among all; ``None`` where it is told nothing, or
        pictures, or numbers that mostly differ.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.ConditionalVAE((1, 8, 8)), "digits", max_epochs=1, progress=False)
        >>> find_conditions(fit, fit.data.split("test")).labels[:3]
        ('0', '1', '2')
    """
    names = tuple(name for name in fit.covariates if name in test)
    if not names or any(test[name].dim() > 2 for name in names):
        return None
    told = _side_by_side(test, names)
    values = told.unique(dim=0)
    is_text = all(fit.data.columns[name].is_text for name in names)
    if len(values) < 2 or not (is_text or len(values) <= len(told) / _LEAST_SHARE):
        return None
    shown = values[:_MOST_ROWS]
    if is_text and len(values) > _TEXTS:
        shown = values[torch.linspace(0, len(values) - 1, _TEXTS).long()]
    parts = [part for name in names for part in _parts_of(fit.data, name)]
    return Conditions(names, shown, tuple(_in_words(value.tolist(), parts) for value in shown), len(values))


@dataclasses.dataclass(frozen=True)
class _Part:
    """Numbers of a vector that belong together: a column that it was gathered from, or the column that it is.

    Args:
        width: how many numbers.
        name: what to call them; nothing where the caption does.
        one_hot: whether the place of the one says the class.
        categories: names of the classes.
        text: the column whose tokens they are.
    """

    width: int
    name: str = ""
    one_hot: bool = False
    categories: tuple[str, ...] = ()
    text: Column | None = None


def _parts_of(data: Dataset, name: str) -> list[_Part]:
    """A covariate's parts, by the columns that ``ppgen.data.attributes`` gathered, where it did."""
    column, whole = data.columns[name], data.origin
    if column.is_text:
        return [_Part(math.prod(column.event_shape), text=column)]
    gathered = [
        told["columns"] for step, told in data.spec.get("steps", ()) if step == "attributes" and told["key"] == name
    ]
    width = math.prod(column.event_shape)
    if gathered and whole is not None and all(each in whole.columns for each in gathered[-1]):
        columns = [whole.columns[each] for each in gathered[-1]]
        sizes = [whole.num_classes.get(each.name) for each in columns]
        parts = [
            _Part(size or math.prod(each.event_shape), each.name, size is not None, each.categories)
            for each, size in zip(columns, sizes, strict=True)
        ]
        if sum(part.width for part in parts) == width:
            return parts
    return [_Part(width, categories=column.categories)]


def _in_words(value: list[float], parts: list[_Part]) -> str:
    """A value, part by part."""
    told, rest = [], value
    for part in parts:
        own, rest = rest[: part.width], rest[part.width :]
        number = own.index(1.0) if part.one_hot else int(own[0]) if part.categories else None
        if part.text is not None:
            (words,) = words_of(part.text, torch.tensor([own]))
        elif number is None:
            words = " ".join(f"{each:g}" for each in own)
        else:
            words = part.categories[number] if part.categories else str(number)
        told.append(f"{part.name} {words}".strip())
    return (", " if any(part.name for part in parts) else " ").join(told)


def _side_by_side(columns: Mapping[str, Tensor], names: tuple[str, ...]) -> Tensor:
    """The covariates as one vector a data point, [N, D]."""
    return torch.cat([columns[name].reshape(len(columns[name]), -1).cpu().double() for name in names], 1)
