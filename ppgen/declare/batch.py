"""The batch of a program: values by site and covariate, a row for each data point, -1 where a label is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ppgen.declare.protocol import PyroProgram
from ppgen.errors import DataError

__all__ = [
    "MISSING",
    "Batch",
    "batch_rows",
    "chunks",
    "extreme_rows",
    "is_missing",
    "partly_missing",
    "views",
    "without_latents",
]


Batch = Mapping[str, Tensor]

MISSING = -1
"""In a batch, the value of a discrete latent that is not observed for this row."""


def batch_rows(batch: Batch, size: int | None) -> int:
    """Number of data points in a batch, or ``size`` (1 by default) if the batch is empty.

    Args:
        batch: tensors ``[rows, ...]`` by site and covariate.
        size: how many data points an empty batch stands for.

    Raises:
        DataError: if the batch is no mapping to tensors with one row per data point, the same number in each.
    """
    if not isinstance(batch, Mapping):
        raise DataError(
            "a batch is a dictionary of tensors by site and covariate",
            expected='{"x": tensor of shape [batch, ...]}',
            got=type(batch).__name__,
            fix='{"x": x}',
            code="D047",
        )
    rows: int | None = None
    for name, value in batch.items():
        if not isinstance(value, Tensor) or value.dim() == 0:
            raise DataError(
                f"{name}: a batch holds tensors with one row per data point",
                expected="torch.Tensor of shape [batch, ...]",
                got="a tensor without dims" if isinstance(value, Tensor) else type(value).__name__,
                fix=f"torch.as_tensor({name})" + (".reshape(1)" if isinstance(value, Tensor) else ""),
                code="D048",
            )
        if rows is None:
            rows, first = value.shape[0], name
        elif value.shape[0] != rows:
            raise DataError(
                f"{name}: its number of rows is not that of {first}",
                expected=f"{rows} rows, as {first} has",
                got=f"{value.shape[0]} rows",
                fix="give every site and covariate one row per data point",
                code="D049",
            )
    if rows is None:
        return 1 if size is None else size
    return rows


def chunks(batch: Mapping[str, Tensor], rows: int) -> Iterator[dict[str, Tensor]]:
    """A whole split in pieces of at most ``rows`` rows.

    Args:
        batch: tensors ``[N, ...]`` by site and covariate.
        rows: of each piece but the last.
    """
    total = len(next(iter(batch.values())))
    for start in range(0, total, rows):
        yield {key: tensor[start : start + rows] for key, tensor in batch.items()}


def is_missing(values: Tensor) -> Tensor:
    """Which rows of a discrete latent's values are not observed: all of their numbers are -1, [rows]."""
    return (values.reshape(len(values), -1) == MISSING).all(1)


def without_latents(model: PyroProgram, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The batch without the values of latent variables: what there is to infer them from.

    Args:
        model: a model, or the model of a program.
        batch: tensors ``[rows, ...]`` by site and covariate.
    """
    latents = {name for name, site in model.sites.items() if model.is_declared and site.role == "latent"}
    return {name: value for name, value in batch.items() if name not in latents}


def partly_missing(model: PyroProgram, batch: Mapping[str, Tensor]) -> list[str]:
    """The latent variables of a declared model whose column says -1 in some row.

    For a continuous latent, or an unbounded count, -1 may be a value or a mistake; that is decided where its
    distribution is known, in :func:`ppgen.declare.verify.verify_support`.

    Args:
        model: a model, or the model of a program.
        batch: tensors ``[rows, ...]`` by site and covariate.
    """
    latents = [name for name in batch if name not in without_latents(model, batch)]
    return [name for name in latents if batch[name].dim() and bool(is_missing(batch[name]).any())]


def views(batch: Mapping[str, Tensor], names: list[str]) -> Iterator[dict[str, Tensor]]:
    """The batches without missing values that a batch holds: all rows without these variables, then its complete rows.

    Args:
        batch: tensors ``[rows, ...]`` by site and covariate.
        names: the latent variables that miss in some row.
    """
    if not names:
        yield dict(batch)
        return
    yield {name: value for name, value in batch.items() if name not in names}
    known = ~torch.stack([is_missing(batch[name]) for name in names]).any(0)
    if bool(known.any()):
        yield {name: value[known] for name, value in batch.items()}


def extreme_rows(columns: Mapping[str, Tensor]) -> list[int]:
    """Rows with the smallest and largest value of each integer column [N], and the first that may be missing."""
    rows: list[int] = []
    for values in columns.values():
        if not len(values):
            continue
        if not values.is_floating_point() and values.dim() == 1:
            whole = values.long()  # torch orders no booleans
            rows += [int(whole.argmin()), int(whole.argmax())]
        elif bool((missing := is_missing(values)).any()):
            rows.append(int(missing.int().argmax()))
    return rows
