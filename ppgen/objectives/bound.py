"""The parts of the evidence lower bound on a batch, summed for training or kept per datum for evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.kl import kl_divergence

from ppgen.errors import DeclarationError
from ppgen.objectives.base import Program
from ppgen.objectives.enumeration import MISSING, enumerate_discrete, logsumexp_by_datum, sum_by_datum
from ppgen.objectives.pairing import Draw, Pairing, pair

__all__ = ["Parts", "kl_per_dimension", "log_weights", "parts", "per_datum"]


@dataclasses.dataclass(frozen=True)
class Parts:
    """``-ELBO = distortion + sum of rates`` (Alemi et al., 2018, Fixing a Broken ELBO), in nats per datum.

    Args:
        distortion: scalar, ``-E_q[log p(x | z)]``.
        rates: one scalar for each latent site, ``KL(q || p)`` or its sampled estimate.
        pairing: the run that they come from.
        label_nll: for each discrete latent that is observed in some rows, ``-log q(y | x)`` over those rows, per
            datum of the batch.
    """

    distortion: Tensor
    rates: Mapping[str, Tensor]
    pairing: Pairing
    label_nll: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)

    @property
    def rate(self) -> Tensor:
        """Sum of all rates."""
        total = self.distortion.new_zeros(())
        for rate in self.rates.values():
            total = total + rate
        return total


def parts(
    model: Program, guide: Program | None, batch: Mapping[str, Tensor], size: int, *, closed_form: bool = True
) -> Parts:
    """One draw of the ELBO's parts, scaled to the data set and divided by its size: nats per datum.

    Discrete latents are summed out exactly, one row for each of their values.

    Args:
        closed_form: use ``KL(q || p)`` where it is registered and valid, else the sampled log-ratio everywhere.
    """
    pairing = Pairing()
    with pairing:
        if guide is not None:
            names = discrete_sites(guide, batch, size, pairing)
            if names:
                return _summed_parts(model, guide, batch, size, names, closed_form=closed_form)
        pairing.in_model = True
        model(batch, size)
    full = _full_size(pairing, batch)
    distortion: Tensor | None = None
    for draw in pairing.observed.values():
        part = _scaled(draw.log_prob(), draw.scale, full)
        distortion = -part if distortion is None else distortion - part
    rates = {
        name: _scaled(draw.rate(closed_form=closed_form), draw.scale, full) for name, draw in pairing.latents.items()
    }
    if distortion is None:
        distortion = torch.zeros((), device=next(iter(rates.values())).device if rates else None)
    return Parts(distortion, rates, pairing)


def discrete_sites(guide: Program, batch: Mapping[str, Tensor], size: int, pairing: Pairing) -> list[str]:
    """Run the guide inside a pairing; the names of its discrete sites, in its order.

    A derived guide knows them. A discrete latent that is observed in some rows only cannot be handed to the guide as
    it is, so that a hand-written guide must run without it first.
    """
    known = getattr(guide, "discrete_names", None)
    if known is not None:
        if not known:
            guide(batch, size)
        return list(known)
    partial = {name: value for name, value in batch.items() if _has_missing(guide, name, value)}
    guide({name: value for name, value in batch.items() if name not in partial}, size)
    return [name for name, draw in pairing.latents.items() if not draw.guide_fn.has_rsample]


def _has_missing(guide: Program, name: str, value: Tensor) -> bool:
    return name in getattr(guide, "sites", {}) and not value.is_floating_point() and bool((value == MISSING).any())


def _summed_parts(
    model: Program, guide: Program, batch: Mapping[str, Tensor], size: int, names: list[str], *, closed_form: bool
) -> Parts:
    expanded = enumerate_discrete(guide, batch, names)
    rows, num_data = len(expanded.datum), expanded.num_data
    pairing = pair(model, guide, expanded.batch, rows)
    weight = expanded.log_weight.exp()
    distortion = weight.new_zeros(())
    rates: dict[str, Tensor] = {}
    label_nll: dict[str, Tensor] = {}
    for name, draw in pairing.observed.items():
        log_p = per_datum(draw.log_prob(), draw, rows)
        if name in expanded.log_q:
            unknown, log_q = expanded.unknown[name], expanded.log_q[name]
            rates[name] = (weight * torch.where(unknown, log_q - log_p, log_p.new_zeros(()))).sum() / num_data
            distortion = distortion - (weight * torch.where(unknown, log_p.new_zeros(()), log_p)).sum() / num_data
            if not bool(unknown.all()):
                label_nll[name] = -(weight * torch.where(unknown, log_q.new_zeros(()), log_q)).sum() / num_data
        else:
            distortion = distortion - (weight * log_p).sum() / num_data
    for name, draw in pairing.latents.items():
        rate = draw.rate(closed_form=closed_form)
        if any(frame.vectorized and frame.size == rows for frame in draw.frames):
            rates[name] = (weight * per_datum(rate, draw, rows)).sum() / num_data
        else:
            rates[name] = rate.sum() / size  # a global latent: once for the whole data set
    return Parts(distortion, rates, pairing, label_nll)


def log_weights(model: Program, guide: Program | None, batch: Mapping[str, Tensor]) -> Tensor:
    """``log p(x_i, z_i) - log q(z_i | x_i)`` for every row, [rows]; ``log p(x_i)`` where there are no latents.

    Discrete latents are summed out: ``log sum_y p(x_i, y, z_iy) / q(z_iy | x_i, y)``, whose exponential is as
    unbiased, with less noise.

    Raises:
        DeclarationError: if a latent is global: its weight does not belong to any one datum.
    """
    rows = len(next(iter(batch.values())))
    pairing = Pairing()
    with pairing:
        if guide is not None:
            names = discrete_sites(guide, batch, rows, pairing)
            if names:
                expanded = enumerate_discrete(guide, batch, names)
                summed = _row_weights(pair(model, guide, expanded.batch, len(expanded.datum)), len(expanded.datum))
                return logsumexp_by_datum(summed, expanded.datum, rows)
        pairing.in_model = True
        model(batch, rows)
    return _row_weights(pairing, rows)


def elbo_per_datum(model: Program, guide: Program | None, batch: Mapping[str, Tensor]) -> Tensor:
    """One draw of every row's ELBO, all log-ratios sampled, discrete latents averaged over: [rows]."""
    rows = len(next(iter(batch.values())))
    pairing = Pairing()
    with pairing:
        names = [] if guide is None else discrete_sites(guide, batch, rows, pairing)
    if guide is None or not names:
        return log_weights(model, guide, batch)
    expanded = enumerate_discrete(guide, batch, names)
    weights = _row_weights(pair(model, guide, expanded.batch, len(expanded.datum)), len(expanded.datum))
    log_q = expanded.log_weight
    return sum_by_datum(log_q.exp() * (weights - log_q), expanded.datum, rows)


def _row_weights(pairing: Pairing, rows: int) -> Tensor:
    total: Tensor | None = None
    for draw in [*pairing.observed.values(), *pairing.latents.values()]:
        term = per_datum(draw.log_prob() if draw.guide_fn is None else -draw.log_ratio(), draw, rows)
        total = term if total is None else total + term
    if total is None:
        raise DeclarationError("the model has neither observed nor latent sites", fix="declare at least one site")
    return total


def per_datum(density: Tensor, draw: Draw, rows: int) -> Tensor:
    """Sum a site's log-density [*plates] over all plates but the data plate: [rows].

    Raises:
        DeclarationError: if the site is outside the data plate.
    """
    dim = next((frame.dim for frame in draw.frames if frame.vectorized and frame.size == rows), None)
    if dim is None and rows == 1 and density.numel() == 1:
        return density.reshape(1)
    if dim is None:
        raise DeclarationError(
            f"{draw.name}: the site is not in a plate over the data, so that it has no density per datum",
            expected=f'pyro.plate("data", ...) of {rows} rows around it',
            got=f"plates {[frame.name for frame in draw.frames]}",
            fix="report fit.elbo(data), which is one number for the whole data set",
        )
    if density.dim() < -dim or density.shape[dim] != rows:
        density = density.expand(torch.broadcast_shapes(density.shape, (rows,) + (1,) * (-dim - 1)))
    return density.movedim(dim, 0).reshape(rows, -1).sum(1)


def kl_per_dimension(guide_fn: Distribution, model_fn: Distribution) -> Tensor | None:
    """``KL(q || p)`` of each event dimension, [*plates, *event], where both factorise over them; else ``None``."""
    q, p = getattr(guide_fn, "base_dist", None), getattr(model_fn, "base_dist", None)
    same = q is not None and p is not None and getattr(q, "event_shape", (1,)) == getattr(p, "event_shape", (1,)) == ()
    if not same or guide_fn.event_shape != model_fn.event_shape:
        return None
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


def _full_size(pairing: Pairing, batch: Mapping[str, Tensor]) -> float:
    """The number of data points that the program's scaled log-densities are summed over."""
    rows = len(next(iter(batch.values()))) if batch else None
    for draw in [*pairing.observed.values(), *pairing.latents.values()]:
        for frame in draw.frames:
            if rows is None or frame.size == rows:
                return frame.full_size if frame.full_size and frame.full_size > 0 else frame.size
    return 1.0 if rows is None else rows


def _scaled(density: Tensor, scale: float | Tensor, full: float) -> Tensor:
    total = density.sum()
    return total * (scale / full)
