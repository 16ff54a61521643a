"""One run of guide and model on a batch, with a row for every value of the discrete latents that are summed out."""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.context import preserved_state
from ppgen.declare import MISSING, PyroProgram, is_bits, is_missing, num_values
from ppgen.errors import DataError, DeclarationError
from ppgen.inference.paired_trace import PairedSite, PairedTrace, trace_guide, trace_pair
from ppgen.inference.second_run import refuse_dropout

__all__ = ["BatchTrace", "EnumeratedBatch", "discrete_sites", "enumerate_discrete", "replay_batch", "trace_batch"]

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


@dataclasses.dataclass(frozen=True)
class BatchTrace:
    """Guide and model on a batch.

    Args:
        trace: draws and densities by site.
        batch: as it was run: the caller's, or its expansion over the values of discrete latents.
        size: of the data plate in that run.
        enumerated: the expansion, if discrete latents were summed out.
    """

    trace: PairedTrace
    batch: Mapping[str, Tensor]
    size: int
    enumerated: EnumeratedBatch | None = None

    @property
    def rows(self) -> int:
        """Rows of the run; more than the data points where discrete latents were summed out."""
        return self.trace.rows


def trace_batch(
    model: PyroProgram,
    guide: PyroProgram | None,
    batch: Mapping[str, Tensor],
    size: int,
    *,
    sum_out: bool = True,
    values: Mapping[str, Tensor] | None = None,
) -> BatchTrace:
    """Run guide then model.

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model without latents.
        batch: values by site and covariate, [batch, ...] each.
        size: data points in the whole data set.
        sum_out: give a row to every value of the discrete latents, where these are few enough; else all are drawn.
        values: what sites of the guide take instead of a draw, by name, [*plates, *event].

    Raises:
        DataError: if a discrete latent is drawn, and the batch observes it in some rows only.
    """
    names = discrete_sites(guide, batch) if sum_out else []
    if guide is not None and names:
        enumerated = enumerate_discrete(guide, batch, names)
        rows = len(enumerated.datum)
        # Where all is summed out, the guide has said all that it has to say: log q of every value.
        rest = guide if set(guide.sites) > set(names) else None
        trace = trace_pair(model, rest, enumerated.batch, rows, values)
        return BatchTrace(trace, enumerated.batch, rows, enumerated)
    _refuse_missing(guide, batch, None)
    trace = trace_pair(model, guide, batch, size, values)
    _refuse_missing(guide, batch, trace.observed)
    return BatchTrace(trace, batch, size)


def replay_batch(
    first: BatchTrace,
    model: PyroProgram,
    guide: PyroProgram | None,
    values: Mapping[str, Tensor],
    *,
    freeze_guide: bool = False,
) -> BatchTrace:
    """Guide and model once more on the same rows, at given values of the latents.

    Args:
        first: the first run.
        model: the model.
        guide: the guide.
        values: of every latent that the guide drew, [rows, *event] each.
        freeze_guide: take the guide's parameters as constants, so that its density depends on the values alone.

    Raises:
        SettingError: if the guide drops out at random: the second run would be of another guide than the first.
    """
    refuse_dropout(guide, "guide")
    trace = trace_pair(model, guide, first.batch, first.size, values, freeze_guide=freeze_guide)
    return dataclasses.replace(first, trace=trace)


_SUMMED: weakref.WeakKeyDictionary[Any, list[str]] = weakref.WeakKeyDictionary()


def discrete_sites(guide: PyroProgram | None, batch: Mapping[str, Tensor]) -> list[str]:
    """The discrete sites that a bound sums out, in the guide's order; none if they have too many values together.

    A global one, or one in a plate inside the data plate, is not among them: it has no row of its own.

    Args:
        guide: the guide. If its sites do not tell how many values they have, it is run once, without a trace of that
            run, and the answer is kept as long as the guide lives. A hand-written one takes no values from the batch,
            so that nothing of it is summed out.
        batch: [batch, ...] each; the run does without the latents among them.
    """
    if guide is None or not batch or not guide.is_declared:
        return []
    if all(site.num_values is not None for site in guide.sites.values()):
        local = [] if guide.plates else [site for site in guide.sites.values() if site.local]
        return _few_enough({site.name: site.num_values or 0 for site in local})
    if guide not in _SUMMED:
        _SUMMED[guide] = _look_for_discrete(guide, batch)
    return list(_SUMMED[guide])


def _few_enough(counts: Mapping[str, int]) -> list[str]:
    """The sites that have a list of values, unless these have too many combinations."""
    names = [name for name, count in counts.items() if count]
    return names if math.prod(counts[name] for name in names) <= MOST_ROWS_A_DATUM else []


def _look_for_discrete(guide: Any, batch: Mapping[str, Tensor]) -> list[str]:
    rows = len(next(iter(batch.values())))
    with preserved_state(guide):
        drawn = trace_guide(guide, {name: value for name, value in batch.items() if name not in guide.sites}, rows)
    fns = {name: draw.guide_fn for name, draw in drawn.items()}
    names = _few_enough({name: num_values(fn) for name, fn in fns.items() if fn.batch_shape == (rows,)})
    for i, name in enumerate(drawn):
        before = [other for other in list(drawn)[:i] if other not in names]
        reads = [other for other in before if name not in guide.sites or other in guide.sites[name].parents]
        if name in names and reads:  # it would be summed out at another draw than it was scored at
            raise DeclarationError(
                f"guide: the discrete latent {name!r} depends on the continuous latent {reads[0]!r}",
                expected=f"q({name} | x) first, then q({reads[0]} | x, {name})",
                got=f"{reads[0]!r} drawn before {name!r}",
                fix=f"def {name}(self, x): ... and def {reads[0]}(self, x, {name}): ..., or derive the guide",
                code="M043",
            )
    return names


def _refuse_missing(
    guide: PyroProgram | None, batch: Mapping[str, Tensor], observed: Mapping[str, PairedSite] | None
) -> None:
    """Refuse -1 in a discrete latent that is drawn rather than summed out: it would be read as a value.

    Integer columns are checked before the run, where -1 would be used as an index; floating-point ones after it, when
    the site's support says whether they are bits or real numbers.
    """
    for name in guide.sites if guide is not None and batch else ():
        if name not in batch or batch[name].is_floating_point() == (observed is None):
            continue
        if observed is not None and not (name in observed and observed[name].model_fn.support.is_discrete):
            continue
        if missing := int((batch[name] == MISSING).sum()):
            raise DataError(
                f"{name}: the latent is observed in some rows only, and is not summed out in the others",
                expected=f"values in all rows or none, or a latent whose values can be summed out ({MISSING}: missing)",
                got=f"{missing} entries of {MISSING}",
                fix="objective=ppgen.ELBO(), which sums the missing values out",
                code="D076",
            )


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
    first = next(iter(batch.values()))
    free = {name: value for name, value in batch.items() if name not in names}
    enumerated = EnumeratedBatch(free, torch.arange(len(first), device=first.device), {}, {}, len(first))
    for name in names:
        enumerated = _expand(guide, enumerated, name, batch.get(name))
    return enumerated


def _expand(guide: PyroProgram, before: EnumeratedBatch, name: str, given: Tensor | None) -> EnumeratedBatch:
    rows = len(before.datum)
    fn = trace_guide(guide, before.batch, rows)[name].guide_fn
    support = _support(name, fn)
    count = len(support)
    if count * rows > MOST_ROWS_A_DATUM * before.num_data:
        raise DeclarationError(
            f"{name}: too many combinations of discrete values to sum out",
            expected=f"at most {MOST_ROWS_A_DATUM} for each datum",
            got=f"{count * rows // before.num_data}",
            fix="fewer classes or bits, or a score-function gradient: ppgen.ELBO(gradient='mixed')",
            code="M044",
        )
    log_q = torch.stack([fn.log_prob(value.expand(fn.batch_shape + fn.event_shape)) for value in support], 1)
    if given is None:  # which rows there will be does not depend on the data, so that the step can be traced
        known = torch.zeros(rows, dtype=torch.bool, device=log_q.device)
        row_index = torch.arange(rows, device=log_q.device).repeat_interleave(count)
        value_index = torch.arange(count, device=log_q.device).repeat(rows)
    else:
        known, row_index, value_index = _possible_values(name, given[before.datum], support, before.datum)
    batch, log_of, unknown = (
        {key: value[row_index] for key, value in old.items()} for old in (before.batch, before.log_q, before.unknown)
    )
    batch[name] = support[value_index].reshape(len(row_index), *fn.event_shape)
    log_of[name] = log_q[row_index, value_index]
    unknown[name] = ~known[row_index]
    return EnumeratedBatch(batch, before.datum[row_index], log_of, unknown, before.num_data)


def _possible_values(name: str, observed: Tensor, support: Tensor, datum: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which rows are observed, [rows]; and a row and a value for each pair that the observations leave possible."""
    rows, count = len(observed), len(support)
    known = ~is_missing(observed)
    equal = (observed.reshape(rows, 1, -1) == support.reshape(1, count, -1).to(observed.dtype)).all(-1)
    matches = equal | ~known[:, None]
    if bool((strange := ~matches.any(1)).any()):
        row = int(strange.nonzero()[0])
        raise DataError(
            f"{name}: an observed value is none of its distribution's, at row {int(datum[row])}",
            expected=f"one of {count} values, or {MISSING} where it is not observed",
            got=str(observed[row].tolist()),
            fix=f"renumber the labels from 0, and mark missing ones by {MISSING}",
            code="D077",
        )
    row_index, value_index = matches.nonzero(as_tuple=True)
    return known, row_index, value_index


def _support(name: str, fn: Any) -> Tensor:
    """All values of a discrete distribution, [K, *event]."""
    if is_bits(fn):
        bits, probs = fn.event_shape.numel(), _base(fn).probs
        codes = torch.arange(2**bits, device=probs.device)[:, None] >> torch.arange(bits, device=probs.device) & 1
        return codes.reshape(-1, *fn.event_shape).to(probs.dtype)
    if not fn.has_enumerate_support:
        raise DeclarationError(
            f"{name}: a discrete latent without a finite list of values",
            expected="Categorical, OneHotCategorical or Bernoulli",
            got=str(fn),
            fix="truncate it to a Categorical, or use a score-function gradient: ppgen.ELBO(gradient='mixed')",
            code="M045",
        )
    values = fn.enumerate_support(expand=False)
    return values.reshape(len(values), *fn.event_shape)


def _base(fn: Any) -> Any:
    while type(fn).__name__ in ("Independent", "ExpandedDistribution"):
        fn = fn.base_dist
    return fn
