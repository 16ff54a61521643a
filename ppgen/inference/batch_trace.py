"""One run of guide and model on a batch, with a row for every value of the discrete latents that are summed out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from torch import Tensor, nn

from ppgen.context import preserved_state
from ppgen.declare.batch import MISSING
from ppgen.declare.protocol import PyroProgram
from ppgen.errors import DataError, DeclarationError, SettingError
from ppgen.inference.enumeration import MOST_ROWS_A_DATUM, EnumeratedBatch, enumerate_discrete, num_values
from ppgen.inference.paired_trace import PairedSite, PairedTrace, trace_guide, trace_pair

__all__ = ["BatchTrace", "discrete_sites", "replay_batch", "trace_batch"]


@dataclasses.dataclass(frozen=True)
class BatchTrace:
    """What guide and model said of a batch.

    Args:
        pairing: draws and densities by site.
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
    model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor], size: int, *, sum_out: bool = True
) -> BatchTrace:
    """Run guide then model.

    Args:
        size: data points in the whole data set.
        sum_out: give a row to every value of the discrete latents, where these are few enough; else all are drawn.

    Raises:
        DataError: if a discrete latent is drawn, and the batch observes it in some rows only.
    """
    names = discrete_sites(guide, batch) if sum_out else []
    if guide is not None and names:
        enumerated = enumerate_discrete(guide, batch, names)
        rows = len(enumerated.datum)
        return BatchTrace(trace_pair(model, guide, enumerated.batch, rows), enumerated.batch, rows, enumerated)
    _refuse_missing(guide, batch, None)
    trace = trace_pair(model, guide, batch, size)
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
        values: of every latent that the guide drew.
        freeze_guide: take the guide's parameters as constants, so that its density depends on the values alone.

    Raises:
        SettingError: if the guide drops out at random: the second run would be of another guide than the first.
    """
    for part in guide.modules() if isinstance(guide, nn.Module) else ():
        if isinstance(part, nn.modules.dropout._DropoutNd) and part.training and part.p > 0:
            raise SettingError(
                "this gradient evaluates the guide twice, and its dropout would make it another one the second time",
                expected="a guide that is a function of its input",
                got=f"{type(part).__name__}(p={part.p:g}) in {type(guide).__name__}",
                fix='gradient="pathwise", or a guide without dropout',
            )
    trace = trace_pair(model, guide, first.batch, first.size, values, freeze_guide=freeze_guide)
    return dataclasses.replace(first, trace=trace)


def discrete_sites(guide: PyroProgram | None, batch: Mapping[str, Tensor]) -> list[str]:
    """The discrete sites that a bound sums out, in the guide's order; none if they have too many values together.

    A global one, or one in a plate inside the data plate, is not among them: it has no row of its own.
    One silent run of the guide tells, without the latents that the batch holds; the guide remembers.
    """
    if guide is None or not batch or getattr(guide, "discrete_names", None) == []:
        return []
    known = getattr(guide, "summed_names", None)
    if known is None:
        evidence = {name: value for name, value in batch.items() if name not in getattr(guide, "sites", {})}
        with preserved_state(guide):
            drawn = trace_guide(guide, evidence, len(next(iter(batch.values()))))
        rows = len(next(iter(batch.values())))
        counts = {name: num_values(d.guide_fn) for name, d in drawn.items() if d.guide_fn.batch_shape == (rows,)}
        listable = [name for name, count in counts.items() if count]
        few = math.prod(counts[name] for name in listable) <= MOST_ROWS_A_DATUM
        known = listable if few else []
        _must_come_first(guide, known, drawn)
        object.__setattr__(guide, "summed_names", known)
    return list(known)


def _must_come_first(guide: PyroProgram, discrete: list[str], drawn: Mapping[str, PairedSite]) -> None:
    """Refuse a discrete site that depends on a continuous draw: it would be summed out at another draw than scored."""
    order = list(drawn)
    for name in discrete:
        site = getattr(guide, "sites", {}).get(name)
        before = order[: order.index(name)]
        reads = [other for other in before if other not in discrete and (not site or other in site.parents)]
        if reads:
            raise DeclarationError(
                f"guide: the discrete latent {name!r} depends on the continuous latent {reads[0]!r}",
                expected=f"q({name} | x) first, then q({reads[0]} | x, {name})",
                got=f"{reads[0]!r} drawn before {name!r}",
                fix=f"def {name}(self, x): ... and def {reads[0]}(self, x, {name}): ..., or derive the guide",
            )


def _refuse_missing(
    guide: PyroProgram | None, batch: Mapping[str, Tensor], observed: Mapping[str, PairedSite] | None
) -> None:
    """A discrete latent that is drawn is drawn for all rows or for none; -1 would be read as a value of its own.

    Integers are looked at before the run, in which they may be an index; bits once the run has told them from reals.
    """
    for name in getattr(guide, "sites", {}):
        if name not in batch or batch[name].is_floating_point() == (observed is None):
            continue
        if observed is not None and not (name in observed and observed[name].model_fn.support.is_discrete):
            continue
        missing = int((batch[name] == MISSING).sum())
        if missing:
            raise DataError(
                f"{name}: the latent is observed in some rows only, and is not summed out in the others",
                expected=f"values in all rows or none, or a latent whose values can be summed out ({MISSING}: missing)",
                got=f"{missing} entries of {MISSING}",
                fix="objective=ppgen.ELBO(), which sums the missing values out",
            )
