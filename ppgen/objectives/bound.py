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

from ppgen.declare.site import DATA_PLATE
from ppgen.errors import DeclarationError
from ppgen.objectives.base import Program
from ppgen.objectives.pairing import Draw, Pairing, pair

__all__ = ["Parts", "data_frame", "kl_per_dimension", "log_weights", "parts", "per_datum"]


@dataclasses.dataclass(frozen=True)
class Parts:
    """``-ELBO = distortion + sum of rates`` (Alemi et al., 2018, Fixing a Broken ELBO), in nats per datum.

    Args:
        distortion: scalar, ``-E_q[log p(x | z)]``.
        rates: one scalar for each latent site, ``KL(q || p)`` or its sampled estimate.
        pairing: the run that they come from.
    """

    distortion: Tensor
    rates: Mapping[str, Tensor]
    pairing: Pairing

    @property
    def rate(self) -> Tensor:
        """Sum of all rates."""
        return functools.reduce(torch.add, self.rates.values()) if self.rates else self.distortion.new_zeros(())

    def record(self) -> dict[str, Tensor]:
        """The parts by name, detached, and what they add up to: ``elbo``, or ``log_joint`` if the guide is a point."""
        named = {f"rate/{name}": rate.detach() for name, rate in self.rates.items()}
        bound = "log_joint" if self.pairing.is_point else "elbo"
        return named | {"distortion": self.distortion.detach(), bound: -(self.distortion + self.rate).detach()}


def parts(
    model: Program, guide: Program | None, batch: Mapping[str, Tensor], size: int, *, closed_form: bool = True
) -> Parts:
    """One draw of the ELBO's parts, scaled to the data set and divided by its size: nats per datum.

    Args:
        closed_form: use ``KL(q || p)`` where it is registered and valid, else the sampled log-ratio everywhere.
    """
    pairing = pair(model, guide, batch, size)
    full = _full_size(pairing)
    log_probs = [_scaled(draw.log_prob(), draw.scale, full) for draw in pairing.observed.values()]
    rates = {
        name: _scaled(draw.rate(closed_form=closed_form), draw.scale, full) for name, draw in pairing.latents.items()
    }
    if log_probs:
        distortion = -functools.reduce(torch.add, log_probs)
    else:
        distortion = next(iter(rates.values())).new_zeros(()) if rates else torch.zeros(())
    return Parts(distortion, rates, pairing)


def log_weights(model: Program, guide: Program | None, batch: Mapping[str, Tensor]) -> Tensor:
    """``log p(x_i, z_i) - log q(z_i | x_i)`` for every row, [rows]; ``log p(x_i)`` where there are no latents.

    Raises:
        DeclarationError: if a site is global: its weight does not belong to any one datum.
    """
    rows = len(next(iter(batch.values())))
    pairing = pair(model, guide, batch, rows)
    terms = [per_datum(draw.log_prob(), draw, rows) for draw in pairing.observed.values()]
    terms += [per_datum(-draw.log_ratio(), draw, rows) for draw in pairing.latents.values()]
    if not terms:
        raise DeclarationError(
            "the model has neither observed nor latent sites",
            expected="at least one site",
            got="none in this run",
            fix="@ppgen.observed def x(self): return dist.Normal(...).to_event(1)",
        )
    return functools.reduce(torch.add, terms)


def per_datum(density: Tensor, draw: Draw, rows: int) -> Tensor:
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


def data_frame(draw: Draw, rows: int) -> Any:
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


def _full_size(pairing: Pairing) -> float:
    """The number of data points that the program's scaled log-densities are summed over."""
    for draw in [*pairing.observed.values(), *pairing.latents.values()]:
        frame = data_frame(draw, pairing.rows)
        if frame is not None:
            return frame.full_size if frame.full_size and frame.full_size > 0 else frame.size
    return pairing.rows


def _scaled(density: Tensor, scale: float | Tensor, full: float) -> Tensor:
    """A log-density summed over all plates, in nats per datum of the whole data set."""
    if isinstance(scale, Tensor) and scale.dim():
        return (density * scale).sum() / full
    return density.sum() * (scale / full)
