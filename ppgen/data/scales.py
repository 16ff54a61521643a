"""Where the numbers of a column lie, and how far apart: what a network needs to know to read them well."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping

import torch
from torch import Tensor

from ppgen.data.column import Column
from ppgen.data.dataset import Dataset
from ppgen.declare import chunks

__all__ = ["Scale", "column_scales", "within"]

_ROWS = 8192
_CONSTANT = 1e-12  # a spread so much smaller than the mean is rounding


@dataclasses.dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of a column's numbers over the training split, one for each entry of their last dim.

    Args:
        mean: [D], or [] of single numbers; of log(1 + n) of counts n.
        spread: likewise; 1 where all values are equal.
        is_count: whether they are counts.
        offset: [], of numbers n whose mean and spread are those of log(offset + n); ``None`` of all others.
    """

    mean: Tensor
    spread: Tensor
    is_count: bool
    offset: Tensor | None = None


def column_scales(dataset: Dataset, names: Collection[str], *, logarithms: bool = False) -> dict[str, Scale]:
    """The scales of all columns that hold numbers: real values and sequences, and counts.

    Images, bits and classes have none, nor have columns that the data set lacks. What stands behind the end of a
    sequence does not count.

    Args:
        dataset: whose training split is read.
        names: of sites and covariates.
        logarithms: whether real values that are never negative, and reach over orders of magnitude, are scaled by their
            logarithms: such as populations, of which a few draws are far above all others. The offset is the smallest
            that is above 0.

    Example:
        >>> import ppgen
        >>> data = ppgen.data.from_tensors({"x": torch.tensor([[1.0, -5.5], [3.0, -5.5]])}, valid=0.0, test=0.0)
        >>> column_scales(data, ["x"])["x"].mean, column_scales(data, ["x"])["x"].spread
        (tensor([ 2.0000, -5.5000], dtype=torch.float64), tensor([1., 1.], dtype=torch.float64))
    """
    columns = {name: column for name, column in dataset.columns.items() if name in names and _is_number(column)}
    if not columns:
        return {}
    scales = _scales(dataset, columns)
    if not logarithms:
        return scales
    least = _least(dataset, [name for name, column in columns.items() if column.kind == "real"])
    return scales | {name: one for name, one in _scales(dataset, columns, least).items() if _is_wide(one)}


def _scales(
    dataset: Dataset, columns: Mapping[str, Column], offsets: Mapping[str, Tensor] | None = None
) -> dict[str, Scale]:
    """The scales of columns; or of those that have an offset, by logarithms."""
    sums = {name: _Moments() for name in columns if offsets is None or name in offsets}
    for seen in _chunks(dataset):
        for name, moments in sums.items():
            values, is_count = seen[name].detach().cpu().double(), columns[name].kind == "count"
            present = _present(columns[name], values, seen)
            values = values.clamp(min=0.0).log1p() if is_count else values
            moments.add(values if offsets is None else (values + offsets[name]).log(), present)
    return {
        name: moments.scale(columns[name].kind == "count", None if offsets is None else offsets[name])
        for name, moments in sums.items()
    }


def _least(dataset: Dataset, names: Collection[str]) -> dict[str, Tensor]:
    """The smallest value above 0, [], of each column that has no value below."""
    least = {name: torch.tensor(torch.inf, dtype=torch.float64) for name in names}
    for seen in _chunks(dataset):
        for name in [*least]:
            values = seen[name].detach().cpu().double()
            if bool((values >= 0).all()):
                least[name] = torch.minimum(least[name], torch.where(values > 0, values, torch.inf).min())
            else:
                del least[name]
    return {name: value for name, value in least.items() if bool(value.isfinite())}


def _is_wide(scale: Scale) -> bool:
    """Whether values are apart by a factor of e and more: on a scale of their own, most would be near its end."""
    return bool((scale.spread > 1.0).any())


def _chunks(dataset: Dataset) -> Iterator[Mapping[str, Tensor]]:
    for chunk in chunks(dataset.stored("train"), _ROWS):
        yield chunk if dataset.transform is None else dataset.transform(chunk, torch.Generator().manual_seed(0))


def within(values: Tensor, lengths: Tensor) -> Tensor:
    """Which steps of sequences are their own, and not padding: bools that broadcast with the values.

    Args:
        values: [N, T, ...].
        lengths: [N].
    """
    steps = torch.arange(values.shape[1], device=values.device) < lengths.unsqueeze(1)
    return steps.reshape(*steps.shape, *[1] * (values.dim() - 2))


def _is_number(column: Column) -> bool:
    return column.kind in ("real", "sequence", "count") and column.measure != "binary"


def _present(column: Column, values: Tensor, seen: Mapping[str, Tensor]) -> Tensor:
    """Which values there are, as bools of their shape."""
    present = torch.isfinite(values)
    if column.missing is not None:
        present &= values != column.missing
    return present if column.lengths is None else present & within(values, seen[column.lengths].detach().cpu())


class _Moments:
    """Number, mean and sum of squared differences of numbers that come in pieces (Chan, Golub & LeVeque, 1983)."""

    def __init__(self) -> None:
        self.number = self.mean = self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, values: Tensor, present: Tensor) -> None:
        """Take in [N, ..., D] numbers ([N] of single ones) where they are present."""
        leading = range(max(1, values.dim() - 1))
        weight = present.double()
        number = weight.sum(tuple(leading))
        mean = torch.where(present, values, 0.0).sum(tuple(leading)) / number.clamp(min=1.0)
        squares = (torch.where(present, values - mean, 0.0) ** 2).sum(tuple(leading))
        total, apart = self.number + number, mean - self.mean
        share = number / total.clamp(min=1.0)
        self.squares = self.squares + squares + apart**2 * self.number * share
        self.mean, self.number = self.mean + apart * share, total

    def scale(self, is_count: bool, offset: Tensor | None) -> Scale:
        """What they amount to."""
        spread = (self.squares / self.number.clamp(min=1.0)).sqrt()
        spread = torch.where(spread > _CONSTANT * self.mean.abs(), spread, torch.ones_like(spread))
        return Scale(self.mean, spread, is_count, offset)
