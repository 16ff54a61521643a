"""What a posterior of global latents predicts: log p(x_i | training data), averaged over draws of the guide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ppgen.arguments import whole_number
from ppgen.context import evaluating, seeded
from ppgen.declare import ProgramModule, chunks, without_latents
from ppgen.inference.batch_trace import trace_batch
from ppgen.inference.bound import data_frame
from ppgen.inference.importance import logsumexp_by_datum, repeat_rows, row_weights
from ppgen.inference.paired_trace import trace_guide

__all__ = ["global_draws", "log_likelihoods", "log_predictive"]

_ROWS = 1024  # data points in a pass


def log_predictive(
    model: Any,
    guide: ProgramModule,
    data: Mapping[str, Tensor],
    train: Mapping[str, Tensor],
    num_draws: int,
    seed: int,
) -> Tensor:
    """``log 1/S sum_s p(x_i, z_is | theta_s) / q(z_is | x_i)`` [N] in nats, float64, at draws ``theta_s ~ q(theta)``.

    The log pointwise predictive density of Gelman, Hwang & Vehtari, 2014, Understanding predictive information
    criteria for Bayesian models, equation 5, by the guide in the posterior's place; local latents are integrated out
    by importance weights. Its expectation over draws is below ``log E_q[p(x_i | theta)]``, and grows towards it with S.

    Args:
        model: the model.
        guide: the guide.
        data: values by site and covariate, [N, ...] each.
        train: rows that the guide reads for its global latents, [M, ...] each.
        num_draws: S.
        seed: of the draws.
    """
    whole_number("num_particles", num_draws, suggested=1000)
    with seeded(seed, next(iter(data.values())).device), evaluating(model, guide):
        draws = [global_draws(model, guide, train) for _ in range(num_draws)]
        # A terminal sees a bar if this takes longer than some seconds.
        pieces = tqdm(list(chunks(data, _ROWS)), desc=f"lppd-{num_draws}", delay=5.0, leave=False, disable=None)
        found = [_by_draw(model, guide, chunk, draws, 1).logsumexp(0) for chunk in pieces]
        return torch.cat(found) - math.log(num_draws)


def log_likelihoods(
    model: Any,
    guide: ProgramModule,
    data: Mapping[str, Tensor],
    draws: Mapping[str, Tensor],
    num_particles: int,
    seed: int,
) -> Tensor:
    """``log p(x_i | theta_s)`` at given draws of the global latents, [S, N] in nats, float64.

    Exact where no latent is local, else the importance-weighted bound of ``num_particles`` draws.

    Args:
        model: the model.
        guide: the guide.
        data: values by site and covariate, [N, ...] each.
        draws: of the global latents, [S, *event] each.
        num_particles: draws of the local latents for each draw of the global ones and each datum.
        seed: of those draws.
    """
    each = [dict(zip(draws, values, strict=True)) for values in zip(*draws.values(), strict=True)]
    with seeded(seed, next(iter(data.values())).device), evaluating(model, guide):
        return torch.cat([_by_draw(model, guide, chunk, each, num_particles) for chunk in chunks(data, _ROWS)], 1)


def global_draws(model: Any, guide: ProgramModule, train: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One draw of every global latent from the guide, [*event] each.

    Args:
        model: the model.
        guide: the guide.
        train: rows that the guide reads, [M, ...] each.
    """
    drawn = trace_guide(guide, without_latents(model, train), len(next(iter(train.values()))))
    return {name: drawn[name].value for name, site in model.sites.items() if name in drawn and not site.local}


def _by_draw(
    model: Any,
    guide: ProgramModule,
    chunk: Mapping[str, Tensor],
    draws: Sequence[Mapping[str, Tensor]],
    num_particles: int,
) -> Tensor:
    """``log p(x_i | theta_s)``, or its bound, [S, rows]."""
    rows = len(next(iter(chunk.values())))
    has_local = any(site.local and site.role == "latent" for site in model.sites.values())
    particles = num_particles if has_local else 1
    wide = repeat_rows(chunk, particles)
    found = []
    for values in draws:
        traced = trace_batch(model, guide, wide, rows * particles, values=values)
        # Not only what is given: behind a global latent may stand an auxiliary site of the guide, as in AutoNormal.
        shared = [name for name, draw in traced.trace.latents.items() if data_frame(draw, traced.rows) is None]
        weights = row_weights(traced.trace, but=shared).double()
        if traced.enumerated is not None:
            weights = logsumexp_by_datum(weights, traced.enumerated.datum, rows * particles)
        found.append(weights.reshape(particles, rows).logsumexp(0) - math.log(particles))
    return torch.stack(found)
