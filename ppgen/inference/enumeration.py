"""Summing out discrete latents: one row of the batch for each value they can take."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.declare.batch import MISSING, is_missing
from ppgen.declare.protocol import PyroProgram
from ppgen.errors import DataError, DeclarationError
from ppgen.inference.paired_trace import trace_guide

__all__ = [
    "MOST_ROWS_A_DATUM",
    "EnumeratedBatch",
    "enumerate_discrete",
    "logsumexp_by_datum",
    "num_values",
    "sum_by_datum",
]

MOST_ROWS_A_DATUM = 4096


@dataclasses.dataclass(frozen=True)
class EnumeratedBatch:
    """A batch with a row for every combination of values of its discrete latents.

    Args:
        batch: [rows, ...] each; the discrete latents are among its keys.
        datum: which row of the original batch each row belongs to, [rows].
        log_q: for each discrete site, ``log q(value | x)`` of each row, [rows]; differentiable.
        unknown: for each discrete site, whether the value was summed out (rather than observed), [rows].
        num_data: rows of the original batch.
    """

    batch: dict[str, Tensor]
    datum: Tensor
    log_q: dict[str, Tensor]
    unknown: dict[str, Tensor]
    num_data: int

    @property
    def log_weight(self) -> Tensor:
        """``log q`` of each row's values that were summed out, [rows]; the weights of a datum's rows sum to 1."""
        total = self.datum.new_zeros(len(self.datum), dtype=torch.get_default_dtype())
        for name, log_q in self.log_q.items():
            total = total + torch.where(self.unknown[name], log_q, log_q.new_zeros(()))
        return total


def enumerate_discrete(guide: PyroProgram, batch: Mapping[str, Tensor], names: list[str]) -> EnumeratedBatch:
    """Expand a batch over all values of the guide's discrete sites, one site after the other.

    A later site may depend on an earlier one: the guide runs again with the earlier values in the batch. A value in
    the batch other than -1 is observed, and keeps its datum a single row (for that site).

    Args:
        guide: draws the sites; called as ``guide(batch, size)``.
        batch: [B, ...] each.
        names: the discrete sites, in the guide's order.

    Raises:
        DeclarationError: if there are too many combinations, or a site cannot be enumerated.
        DataError: if an observed value is none of the support's.
    """
    rows = len(next(iter(batch.values())))
    device = next(iter(batch.values())).device
    given = {name: batch[name] for name in names if name in batch}
    enumerated = EnumeratedBatch(
        {name: value for name, value in batch.items() if name not in given},
        torch.arange(rows, device=device),
        {},
        {},
        rows,
    )
    for name in names:
        enumerated = _expand(guide, enumerated, name, given.get(name))
    return enumerated


def _expand(guide: PyroProgram, before: EnumeratedBatch, name: str, given: Tensor | None) -> EnumeratedBatch:
    fn = _guide_distribution(guide, before.batch, name)
    support = _support(name, fn)
    count = len(support)
    rows = len(before.datum)
    if count * rows > MOST_ROWS_A_DATUM * before.num_data:
        raise DeclarationError(
            f"{name}: too many combinations of discrete values to sum out",
            expected=f"at most {MOST_ROWS_A_DATUM} for each datum",
            got=f"{count * rows // before.num_data}",
            fix="fewer classes or bits, or a score-function gradient: ppgen.ELBO(gradient='score')",
        )
    log_q = torch.stack([fn.log_prob(value.expand(fn.batch_shape + fn.event_shape)) for value in support], 1)
    observed = None if given is None else given[before.datum]
    known = torch.zeros(rows, dtype=torch.bool, device=log_q.device) if observed is None else ~is_missing(observed)
    matches = torch.ones(rows, count, dtype=torch.bool, device=log_q.device)
    if observed is not None:
        flat = observed.reshape(rows, 1, -1)
        equal = (flat == support.reshape(1, count, -1).to(flat.dtype)).all(-1)
        if bool((known & ~equal.any(1)).any()):
            row = int((known & ~equal.any(1)).nonzero()[0])
            raise DataError(
                f"{name}: an observed value is none of its distribution's, at row {int(before.datum[row])}",
                expected=f"one of {count} values, or {MISSING} where it is not observed",
                got=str(observed[row].tolist()),
                fix=f"renumber the labels from 0, and mark missing ones by {MISSING}",
            )
        matches = torch.where(known[:, None], equal, matches)
    row_index, value_index = matches.nonzero(as_tuple=True)
    batch = {key: value[row_index] for key, value in before.batch.items()}
    batch[name] = support[value_index].reshape(len(row_index), *fn.event_shape)
    log_of = {key: value[row_index] for key, value in before.log_q.items()}
    unknown = {key: value[row_index] for key, value in before.unknown.items()}
    log_of[name] = log_q[row_index, value_index]
    unknown[name] = ~known[row_index]
    return EnumeratedBatch(batch, before.datum[row_index], log_of, unknown, before.num_data)


def _guide_distribution(guide: PyroProgram, batch: Mapping[str, Tensor], name: str) -> Any:
    return trace_guide(guide, batch, len(next(iter(batch.values()))))[name].guide_fn


def num_values(fn: Any) -> int:
    """How many values a discrete distribution has; 0 where they cannot be listed."""
    if _is_bits(fn):
        return 2 ** fn.event_shape.numel()
    return len(fn.enumerate_support(expand=False)) if fn.has_enumerate_support else 0


def _support(name: str, fn: Any) -> Tensor:
    """All values of a discrete distribution, [K, *event]."""
    if _is_bits(fn):
        bits, probs = fn.event_shape.numel(), _base(fn).probs
        codes = torch.arange(2**bits, device=probs.device)[:, None] >> torch.arange(bits, device=probs.device) & 1
        return codes.reshape(-1, *fn.event_shape).to(probs.dtype)
    if not fn.has_enumerate_support:
        raise DeclarationError(
            f"{name}: a discrete latent without a finite list of values",
            expected="Categorical, OneHotCategorical or Bernoulli",
            got=str(fn),
            fix="truncate it to a Categorical, or use a score-function gradient: ppgen.ELBO(gradient='score')",
        )
    values = fn.enumerate_support(expand=False)
    return values.reshape(len(values), *fn.event_shape)


def _is_bits(fn: Any) -> bool:
    return bool(fn.event_shape) and type(_base(fn)).__name__ == "Bernoulli"


def _base(fn: Any) -> Any:
    while type(fn).__name__ in ("Independent", "ExpandedDistribution"):
        fn = fn.base_dist
    return fn


def sum_by_datum(values: Tensor, datum: Tensor, num_data: int) -> Tensor:
    """Sum the rows [rows] of each datum: [num_data]."""
    return values.new_zeros(num_data).index_add(0, datum, values)


def logsumexp_by_datum(values: Tensor, datum: Tensor, num_data: int) -> Tensor:
    """``log sum exp`` over the rows [rows] of each datum: [num_data]."""
    top = values.new_full((num_data,), -torch.inf).scatter_reduce(0, datum, values.detach(), "amax")
    return top + sum_by_datum((values - top[datum]).exp(), datum, num_data).log()
