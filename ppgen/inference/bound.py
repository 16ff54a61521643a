"""The parts of the evidence lower bound on a batch: distortion, and the rate of every latent (its KL)."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from ppgen.declare import DATA_PLATE, PyroProgram, verify_size
from ppgen.errors import DeclarationError
from ppgen.inference.batch_trace import BatchTrace, EnumeratedBatch, trace_batch
from ppgen.inference.paired_trace import PairedSite, PairedTrace, registered_kl

__all__ = [
    "ELBOParts",
    "data_frame",
    "elbo_parts",
    "elbo_parts_of",
    "full_size",
    "kl_per_dimension",
    "per_datum",
    "rate_per_dimension",
    "unweighted_parts",
    "whole_of",
]


@dataclasses.dataclass(frozen=True)
class ELBOParts:
    """``-ELBO = distortion + sum of rates`` (Alemi et al., 2018, Fixing a Broken ELBO), in nats per datum.

    Args:
        distortion: scalar, ``-E_q[log p(x | z)]``.
        rates: one scalar for each latent site, ``KL(q || p)`` or its sampled estimate.
        traced: the run that they come from.
        label_nll: for each discrete latent that some rows observe, ``-log q(y | x)`` over these rows, per datum of
            the batch: what a semi-supervised model may add to its loss, so that the labels teach q(y | x) too.
        added: what each ``pyro.factor`` of the guide adds to the loss, [] each; no part of the bound.
        unweighted: the same parts without the program's own ``poutine.scale``, which make the bound; ``None`` where
            there is no such scale.
    """

    distortion: Tensor
    rates: Mapping[str, Tensor]
    traced: BatchTrace
    label_nll: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    added: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    unweighted: ELBOParts | None = None

    @property
    def trace(self) -> PairedTrace:
        """Draws and densities by site."""
        return self.traced.trace

    @property
    def rate(self) -> Tensor:
        """Sum of all rates, []."""
        return functools.reduce(torch.add, self.rates.values()) if self.rates else self.distortion.new_zeros(())

    @property
    def elbo(self) -> Tensor:
        """The bound that the parts make, []: without the program's own scale, and without what its guide adds."""
        parts = self.unweighted or self
        return -(parts.distortion + parts.rate)

    @property
    def loss(self) -> Tensor:
        """What a program of Pyro's minimises, nats per datum, []: with its scale, and with what its guide adds."""
        return functools.reduce(torch.add, self.added.values(), self.distortion + self.rate)

    def record(self) -> dict[str, Tensor]:
        """The parts by name, [] each, detached, and their sum.

        That is ``elbo``; ``log_joint`` if the guide is a point; ``unnormalised_elbo`` if the model has a factor.
        """
        parts = self.unweighted or self
        named = {f"rate/{name}": rate.detach() for name, rate in parts.rates.items()}
        bound = "log_joint" if self.trace.is_point else "elbo" if self.trace.is_normalised else "unnormalised_elbo"
        named |= {"distortion": parts.distortion.detach(), bound: self.elbo.detach()}
        return named | {f"added/{name}": value.detach() for name, value in self.added.items()}


def elbo_parts(
    model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor], size: int, *, closed_form: bool = True
) -> ELBOParts:
    """One draw of the ELBO's parts, scaled to the data set and divided by its size: nats per datum.

    Discrete latents of a derived guide are summed out exactly, one row for each of their values.

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model without latents.
        batch: values by site and covariate, [batch, ...] each.
        size: data points in the whole data set.
        closed_form: use ``KL(q || p)`` where it is registered and valid, else the sampled log-ratio everywhere.
    """
    return elbo_parts_of(trace_batch(model, guide, batch, size), size, closed_form=closed_form)


def elbo_parts_of(traced: BatchTrace, size: int, *, closed_form: bool = True) -> ELBOParts:
    """The ELBO's parts of a run that was made already, as of :func:`elbo_parts`.

    Args:
        traced: the run.
        size: data points in the whole data set.
        closed_form: as of :func:`elbo_parts`.
    """
    if traced.enumerated is not None:
        return _summed_parts(traced, traced.enumerated, size, closed_form=closed_form)
    trace = traced.trace
    full = full_size(trace)
    if (plate := _data_plate(trace)) and any(data_frame(draw, trace.rows) is None for draw in trace.latents.values()):
        verify_size(plate.name, whole_of(plate), size)
    log_probs = [_scaled(draw.log_prob(), draw.scale, full) for draw in trace.observed.values()]
    rates = {
        name: _scaled(draw.rate(closed_form=closed_form), draw.scale, full) for name, draw in trace.latents.items()
    }
    nothing = next(iter(rates.values()), torch.zeros(())).new_zeros(())
    return ELBOParts(
        -functools.reduce(torch.add, log_probs) if log_probs else nothing,
        rates,
        traced,
        added={name: _scaled(draw.log_ratio(), draw.scale, full) for name, draw in trace.added.items()},
        unweighted=unweighted_parts(traced, size, closed_form=closed_form),
    )


def unweighted_parts(traced: BatchTrace, size: int, *, closed_form: bool = True) -> ELBOParts | None:
    """A run's parts without the program's own scale, no gradient; ``None`` where it has none.

    Args:
        traced: the run.
        size: data points in the whole data set.
        closed_form: as of :func:`elbo_parts`.
    """
    if not traced.trace.is_weighted:
        return None
    trace = copy.copy(traced.trace)
    trace.observed, trace.latents = (
        {name: dataclasses.replace(draw, scale=draw.plate_scale) for name, draw in sites.items()}
        for sites in (trace.observed, trace.latents)
    )
    with torch.no_grad():
        return elbo_parts_of(dataclasses.replace(traced, trace=trace), size, closed_form=closed_form)


def _summed_parts(traced: BatchTrace, enumerated: EnumeratedBatch, size: int, *, closed_form: bool) -> ELBOParts:
    trace, rows, num_data = traced.trace, traced.rows, enumerated.num_data
    weight = enumerated.log_weight.exp()
    zero = weight.new_zeros(())
    distortion = zero
    rates: dict[str, Tensor] = {}
    label_nll: dict[str, Tensor] = {}
    for name, draw in trace.observed.items():
        log_p = per_datum(draw.log_prob(), draw, rows)
        if name in enumerated.log_q:
            unknown = enumerated.unknown[name]
            rates[name] = (weight * torch.where(unknown, enumerated.log_q[name] - log_p, zero)).sum() / num_data
            log_p = torch.where(unknown, zero, log_p)
            label_nll[name] = -(weight * torch.where(unknown, zero, enumerated.log_q[name])).sum() / num_data
        distortion = distortion - (weight * log_p).sum() / num_data
    for name, draw in trace.latents.items():
        rate = draw.rate(closed_form=closed_form)
        local = data_frame(draw, rows) is not None
        rates[name] = (weight * per_datum(rate, draw, rows)).sum() / num_data if local else rate.sum() / size
    return ELBOParts(distortion, rates, traced, label_nll)


def per_datum(density: Tensor, draw: PairedSite, rows: int) -> Tensor:
    """Sum a site's log-density over all plates but the data plate: [rows].

    Args:
        density: [*plates].
        draw: the site.
        rows: of the run.

    Raises:
        DeclarationError: if the site is outside the data plate.
    """
    frame = data_frame(draw, rows)
    if frame is None:
        raise DeclarationError(
            f"{draw.name}: the site is not in a plate over the data, so that it has no density per datum",
            expected=f'pyro.plate("data", ...) of {rows} rows around it',
            got=f"plates {[frame.name for frame in draw.frames]}",
            fix="report fit.elbo(data), which is one number for the whole data set",
            code="M046",
        )
    if density.dim() < -frame.dim or density.shape[frame.dim] != rows:
        density = density.expand(torch.broadcast_shapes(density.shape, (rows,) + (1,) * (-frame.dim - 1)))
    return density.movedim(frame.dim, 0).reshape(rows, -1).sum(1)


def data_frame(draw: PairedSite, rows: int) -> Any:
    """The plate over the data around a site: the one of that name, else the outermost with as many rows.

    Args:
        draw: the site.
        rows: of the run.
    """
    known = draw.data_plates
    fitting = [
        frame
        for frame in draw.frames
        if frame.vectorized and frame.size == rows and (known is None or frame.name in known)
    ]
    return next((frame for frame in fitting if frame.name == DATA_PLATE), fitting[0] if fitting else None)


def kl_per_dimension(guide_fn: Distribution, model_fn: Distribution) -> Tensor | None:
    """``KL(q || p)`` of each event dimension, [*plates, *event]; ``None`` where they do not factorise over these.

    Args:
        guide_fn: q.
        model_fn: p.
    """
    factors = _factors(guide_fn, model_fn)
    return None if factors is None else registered_kl(*factors)


def rate_per_dimension(draw: PairedSite, *, closed_form: bool) -> Tensor | None:
    """A latent's rate by event dimension, scaled, [*plates, *event]; ``None`` where it is no sum over these.

    Args:
        draw: the latent.
        closed_form: use ``KL(q || p)`` where it is registered and valid, else the sampled log-ratio.
    """
    event_dim = draw.guide_fn.event_dim
    factors = _factors(draw.guide_fn, draw.model_fn) if event_dim else (draw.guide_fn, draw.model_fn)
    if factors is None:
        return None
    mask = draw.mask.reshape(draw.mask.shape + (1,) * event_dim) if isinstance(draw.mask, Tensor) else draw.mask
    scale = draw.scale.reshape(draw.scale.shape + (1,) * event_dim) if isinstance(draw.scale, Tensor) else draw.scale
    each = dataclasses.replace(draw, guide_fn=factors[0], model_fn=factors[1], mask=mask)
    return each.rate(closed_form=closed_form) * scale


def _factors(guide_fn: Any, model_fn: Any) -> tuple[Any, Any] | None:
    """The distributions of single event dimensions, where guide and model are independent over them."""
    if not isinstance(guide_fn, Independent) or not isinstance(model_fn, Independent):
        return None
    q, p = guide_fn.base_dist, model_fn.base_dist
    return None if q.event_shape or p.event_shape or guide_fn.event_shape != model_fn.event_shape else (q, p)


def full_size(trace: PairedTrace) -> float:
    """The number of data points that the program's scaled log-densities are summed over."""
    plate = _data_plate(trace)
    return trace.rows if plate is None else whole_of(plate)


def whole_of(plate: Any) -> float:
    """The number of data points that a plate stands for, of which it has some.

    Args:
        plate: as it stands around a site.
    """
    return plate.full_size if plate.full_size and plate.full_size > 0 else plate.size


def _data_plate(trace: PairedTrace) -> Any:
    """The plate over the data around the first site that has one; ``None`` if none has."""
    plates = (data_frame(draw, trace.rows) for draw in [*trace.observed.values(), *trace.latents.values()])
    return next((plate for plate in plates if plate is not None), None)


def _scaled(density: Tensor, scale: float | Tensor, full: float) -> Tensor:
    """A log-density summed over all plates, in nats per datum of the whole data set."""
    if isinstance(scale, Tensor) and scale.dim():
        return (density * scale).sum() / full
    return density.sum() * (scale / full)
