"""The parts of the evidence lower bound on a batch, summed for training or kept per datum for evaluation."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.distributions.kl import kl_divergence

from ppgen.declare.protocol import PyroProgram
from ppgen.declare.site import DATA_PLATE
from ppgen.errors import DeclarationError
from ppgen.inference.batch_trace import BatchTrace, trace_batch
from ppgen.inference.enumeration import EnumeratedBatch, logsumexp_by_datum, sum_by_datum
from ppgen.inference.paired_trace import PairedSite, PairedTrace

__all__ = [
    "ELBOParts",
    "data_frame",
    "elbo_parts",
    "elbo_parts_of",
    "elbo_per_datum",
    "full_size",
    "kl_per_dimension",
    "log_weights",
    "per_datum",
    "row_weights",
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
    """

    distortion: Tensor
    rates: Mapping[str, Tensor]
    traced: BatchTrace
    label_nll: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)

    @property
    def trace(self) -> PairedTrace:
        """Draws and densities by site."""
        return self.traced.trace

    @property
    def rate(self) -> Tensor:
        """Sum of all rates."""
        return functools.reduce(torch.add, self.rates.values()) if self.rates else self.distortion.new_zeros(())

    def record(self) -> dict[str, Tensor]:
        """The parts by name, detached, and what they add up to: ``elbo``, or ``log_joint`` if the guide is a point."""
        named = {f"rate/{name}": rate.detach() for name, rate in self.rates.items()}
        bound = "log_joint" if self.trace.is_point else "elbo"
        return named | {"distortion": self.distortion.detach(), bound: -(self.distortion + self.rate).detach()}


def elbo_parts(
    model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor], size: int, *, closed_form: bool = True
) -> ELBOParts:
    """One draw of the ELBO's parts, scaled to the data set and divided by its size: nats per datum.

    Discrete latents of a derived guide are summed out exactly, one row for each of their values.

    Args:
        closed_form: use ``KL(q || p)`` where it is registered and valid, else the sampled log-ratio everywhere.
    """
    return elbo_parts_of(trace_batch(model, guide, batch, size), size, closed_form=closed_form)


def elbo_parts_of(traced: BatchTrace, size: int, *, closed_form: bool = True) -> ELBOParts:
    """The ELBO's parts of a run that was made already, as of :func:`elbo_parts`."""
    if traced.enumerated is not None:
        return _summed_parts(traced, traced.enumerated, size, closed_form=closed_form)
    trace = traced.trace
    full = full_size(trace)
    log_probs = [_scaled(draw.log_prob(), draw.scale, full) for draw in trace.observed.values()]
    rates = {
        name: _scaled(draw.rate(closed_form=closed_form), draw.scale, full) for name, draw in trace.latents.items()
    }
    if log_probs:
        distortion = -functools.reduce(torch.add, log_probs)
    else:
        distortion = next(iter(rates.values())).new_zeros(()) if rates else torch.zeros(())
    return ELBOParts(distortion, rates, traced)


def log_weights(model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor]) -> Tensor:
    """``log p(x_i, z_i) - log q(z_i | x_i)`` for every row, [rows]; ``log p(x_i)`` where there are no latents.

    Discrete latents are summed out, ``log sum_y p(x_i, y, z_iy) / q(z_iy | x_i, y)``: as unbiased, with less noise.

    Raises:
        DeclarationError: if a site is global: its weight does not belong to any one datum.
    """
    rows = len(next(iter(batch.values())))
    traced = trace_batch(model, guide, batch, rows)
    weights = row_weights(traced.trace, traced.rows)
    return weights if traced.enumerated is None else logsumexp_by_datum(weights, traced.enumerated.datum, rows)


def elbo_per_datum(model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor]) -> Tensor:
    """One draw of every row's ELBO, all log-ratios sampled, discrete latents averaged over: [rows]."""
    traced = trace_batch(model, guide, batch, len(next(iter(batch.values()))))
    weights = row_weights(traced.trace, traced.rows)
    if traced.enumerated is None:
        return weights
    log_q = traced.enumerated.log_weight
    return sum_by_datum(log_q.exp() * (weights - log_q), traced.enumerated.datum, traced.enumerated.num_data)


def row_weights(trace: PairedTrace, rows: int) -> Tensor:
    """``log p(x, z) - log q(z | x)`` of every row of a paired run, [rows]."""
    terms = [per_datum(draw.log_prob(), draw, rows) for draw in trace.observed.values()]
    terms += [per_datum(-draw.log_ratio(), draw, rows) for draw in trace.latents.values()]
    if not terms:
        raise DeclarationError(
            "the model has neither observed nor latent sites",
            expected="at least one site",
            got="none in this run",
            fix="@ppgen.observed def x(self): return dist.Normal(...).to_event(1)",
        )
    return functools.reduce(torch.add, terms)


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
    """Sum a site's log-density [*plates] over all plates but the data plate: [rows].

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
        )
    if density.dim() < -frame.dim or density.shape[frame.dim] != rows:
        density = density.expand(torch.broadcast_shapes(density.shape, (rows,) + (1,) * (-frame.dim - 1)))
    return density.movedim(frame.dim, 0).reshape(rows, -1).sum(1)


def data_frame(draw: PairedSite, rows: int) -> Any:
    """The plate over the data around a site: the one of that name, else the outermost with as many rows."""
    fitting = [frame for frame in draw.frames if frame.vectorized and frame.size == rows]
    return next((frame for frame in fitting if frame.name == DATA_PLATE), fitting[0] if fitting else None)


def kl_per_dimension(guide_fn: Distribution, model_fn: Distribution) -> Tensor | None:
    """``KL(q || p)`` of each event dimension, [*plates, *event], where both factorise over them; else ``None``."""
    if not isinstance(guide_fn, Independent) or not isinstance(model_fn, Independent):
        return None
    q, p = guide_fn.base_dist, model_fn.base_dist
    if q.event_shape or p.event_shape or guide_fn.event_shape != model_fn.event_shape:
        return None
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


def full_size(trace: PairedTrace) -> float:
    """The number of data points that the program's scaled log-densities are summed over."""
    for draw in [*trace.observed.values(), *trace.latents.values()]:
        frame = data_frame(draw, trace.rows)
        if frame is not None:
            return frame.full_size if frame.full_size and frame.full_size > 0 else frame.size
    return trace.rows


def _scaled(density: Tensor, scale: float | Tensor, full: float) -> Tensor:
    """A log-density summed over all plates, in nats per datum of the whole data set."""
    if isinstance(scale, Tensor) and scale.dim():
        return (density * scale).sum() / full
    return density.sum() * (scale / full)
