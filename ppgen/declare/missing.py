"""Values that a batch does not have: a discrete latent variable may be observed in some rows, and not in others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

__all__ = ["MISSING", "evidence", "is_missing", "partly_missing", "views"]

MISSING = -1
"""In a batch, the value of a discrete latent that is not observed for this row."""


def is_missing(values: Tensor) -> Tensor:
    """Which rows of a discrete latent's values are not observed: all of their numbers are -1, [rows]."""
    return (values.reshape(len(values), -1) == MISSING).all(1)


def evidence(model: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The batch without the values of latent variables: what there is to infer them from."""
    sites = getattr(type(model), "sites", {})  # of a hand-written program, arguments and sites may share a name
    return {name: value for name, value in batch.items() if name not in sites or sites[name].role != "latent"}


def partly_missing(model: Any, batch: Mapping[str, Tensor]) -> list[str]:
    """The latent variables of a declared model whose column says -1 in some row.

    Of a continuous one, or of an unbounded count, -1 may be a value, or a mistake: whoever knows its distribution
    decides, see :func:`ppgen.declare.verify.verify_support`.
    """
    latents = [name for name in batch if name not in evidence(model, batch)]
    return [name for name in latents if batch[name].dim() and bool(is_missing(batch[name]).any())]


def views(batch: Mapping[str, Tensor], names: list[str]) -> Iterator[dict[str, Tensor]]:
    """A batch with missing values as batches without: all rows with these variables latent, then the rows with all."""
    if not names:
        yield dict(batch)
        return
    yield {name: value for name, value in batch.items() if name not in names}
    known = ~is_missing(batch[names[0]])
    for name in names[1:]:
        known = known & ~is_missing(batch[name])
    if bool(known.any()):
        yield {name: value[known] for name, value in batch.items()}
