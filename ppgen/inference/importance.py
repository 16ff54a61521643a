"""Importance weights of the guide's draws, and the bounds that they give: the ELBO and IWAE-K per datum."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping

import torch
from pyro.distributions import MaskedDistribution
from torch import Tensor
from tqdm.auto import tqdm

from ppgen.arguments import whole_number
from ppgen.context import evaluating, seeded
from ppgen.declare import Model, ProgramModule, PyroProgram, chunks, label_of, without_latents
from ppgen.errors import DeclarationError, Unanswerable
from ppgen.inference.batch_trace import discrete_sites, trace_batch
from ppgen.inference.bound import data_frame, elbo_parts, per_datum
from ppgen.inference.paired_trace import PairedSite, PairedTrace, trace_pair

__all__ = [
    "elbo",
    "elbo_per_datum",
    "log_prob",
    "log_weights",
    "logsumexp_by_datum",
    "only_latent",
    "particle_weights",
    "repeat_rows",
    "row_weights",
    "weights_of_data",
]


_ROWS_A_PASS = 2048  # particles times data points
_ROWS = 256  # data points
_FEW_ROWS = 8  # data points that tell whether a density is a function of them


def elbo(
    model: ProgramModule, guide: ProgramModule, data: Mapping[str, Tensor], num_particles: int, seed: int
) -> Tensor:
    """The ELBO in nats per datum, with all log-ratios sampled: for each datum, a mean over particles [N].

    If a latent is global, the bound belongs to the data set and to no datum: one value for each particle
    [num_particles].

    Args:
        model: the model.
        guide: the guide.
        data: values by site and covariate, [N, ...] each.
        num_particles: draws of the guide that are averaged over.
        seed: of the draws.
    """
    whole_number("num_particles", num_particles, suggested=1000)
    rows = len(next(iter(data.values())))
    with seeded(seed, next(iter(data.values())).device), evaluating(model, guide):
        if any(not site.local for site in model.sites.values()):
            draws = [elbo_parts(model, guide, data, rows, closed_form=False) for _ in range(num_particles)]
            return torch.stack([drawn.elbo.double() for drawn in draws])
        return torch.cat(
            [
                torch.stack([elbo_per_datum(model, guide, chunk).double() for _ in range(num_particles)]).mean(0)
                for chunk in chunks(data, max(1, _ROWS_A_PASS // _rows_a_datum(model, guide, data)))
            ]
        )


def log_prob(
    model: ProgramModule, guide: ProgramModule | None, data: Mapping[str, Tensor], num_particles: int, seed: int
) -> Tensor:
    """``log p(x_i)`` [N] in nats, float64: exact without a guide, else the importance-weighted bound

    ``log 1/K sum_k p(x_i, z_k) / q(z_k | x_i),  z_k ~ q(z | x_i)``

    (Burda, Grosse & Salakhutdinov, 2016, Importance Weighted Autoencoders, equation 8). Particles are extra rows of
    the batch, so that any network can run them; passes have a fixed number of rows and are folded into a running
    logsumexp, so that memory does not depend on K.

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model without latents.
        data: values by site and covariate, [N, ...] each.
        num_particles: K.
        seed: of the draws.
    """
    whole_number("num_particles", num_particles, suggested=1000)
    with seeded(seed, next(iter(data.values())).device), evaluating(model, guide):
        if guide is None:
            _refuse_hidden_draws(model, {name: value[:_FEW_ROWS] for name, value in data.items()})
            return torch.cat([log_weights(model, None, chunk).double() for chunk in chunks(data, _ROWS)])
        pieces, allowed = _pieces(model, guide, data, num_particles)
        return torch.cat([_bound(model, guide, chunk, num_particles, allowed) for chunk in pieces])


def _refuse_hidden_draws(model: ProgramModule, few: Mapping[str, Tensor]) -> None:
    """Refuse to call a density exact that depends on draws of no site: hidden from handlers, or torch's own."""
    first, second = log_weights(model, None, few), log_weights(model, None, few)
    if not torch.allclose(first, second, rtol=1e-3, atol=1e-3, equal_nan=True):
        raise Unanswerable(
            f"no density: {label_of(model)} draws numbers that are no sites, and its log p(x) depends on them",
            expected="the same density whenever it is asked for",
            got=f"numbers that differ by up to {float((first - second).abs().max()):.2g} nats a datum",
            fix='make them latents, pyro.sample("z", ...), and give a guide',
            code="U024",
        )


def weights_of_data(
    model: ProgramModule, guide: ProgramModule, data: Mapping[str, Tensor], num_particles: int, seed: int
) -> Tensor:
    """``log p(x_i, z_ik) - log q(z_ik | x_i)`` of all draws [num_particles, N] in nats, float64.

    They are the draws of :func:`log_prob`, whose bound is ``logsumexp(0) - log K`` of them.

    Args:
        model: the model.
        guide: the guide.
        data: values by site and covariate, [N, ...] each.
        num_particles: K.
        seed: of the draws.
    """
    whole_number("num_particles", num_particles, suggested=1000)
    with seeded(seed, next(iter(data.values())).device), evaluating(model, guide):
        pieces, allowed = _pieces(model, guide, data, num_particles)
        return torch.cat(
            [torch.cat([*_passes(model, guide, chunk, num_particles, allowed)]) for chunk in pieces], dim=1
        )


def _pieces(
    model: ProgramModule, guide: ProgramModule, data: Mapping[str, Tensor], num_particles: int
) -> tuple[Iterable[Mapping[str, Tensor]], int]:
    """The data in chunks, and how many rows a pass has room for."""
    allowed = max(1, _ROWS_A_PASS // _rows_a_datum(model, guide, data))
    pieces = list(chunks(data, min(_ROWS, allowed)))
    # A terminal sees a bar if this takes longer than some seconds; the bound of a whole test set may take minutes.
    return tqdm(pieces, desc=f"IWAE-{num_particles}", delay=5.0, leave=False, disable=None), allowed


def _rows_a_datum(model: ProgramModule, guide: ProgramModule, data: Mapping[str, Tensor]) -> int:
    """Rows that a datum takes in a pass: one for every value of the discrete latents that are summed out."""
    if not discrete_sites(guide, data):
        return 1
    return trace_batch(model, guide, {name: value[:1] for name, value in without_latents(model, data).items()}, 1).rows


def _bound(
    model: ProgramModule, guide: ProgramModule, chunk: Mapping[str, Tensor], num_particles: int, allowed: int
) -> Tensor:
    first = next(iter(chunk.values()))
    total = torch.full((len(first),), -math.inf, dtype=torch.float64, device=first.device)
    for weights in _passes(model, guide, chunk, num_particles, allowed):
        total = torch.logaddexp(total, weights.logsumexp(0))
    return total - math.log(num_particles)


def _passes(
    model: ProgramModule, guide: ProgramModule, chunk: Mapping[str, Tensor], num_particles: int, allowed: int
) -> Iterator[Tensor]:
    """The log weights of all particles, as many at once as a pass has room for: [k, rows], float64."""
    at_once = max(1, min(num_particles, allowed // len(next(iter(chunk.values())))))
    only = only_latent(model, guide, chunk) if num_particles > 1 else None
    for done in range(0, num_particles, at_once):
        yield particle_weights(model, guide, chunk, min(at_once, num_particles - done), only).double()


def log_weights(model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor]) -> Tensor:
    """``log p(x_i, z_i) - log q(z_i | x_i)`` for every row, [rows]; ``log p(x_i)`` where there are no latents.

    Discrete latents are summed out, ``log sum_y p(x_i, y, z_iy) / q(z_iy | x_i, y)``: as unbiased, with less noise.

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model without latents.
        batch: values by site and covariate, [rows, ...] each.

    Raises:
        DeclarationError: if a site is global: its weight does not belong to any one datum.
    """
    rows = len(next(iter(batch.values())))
    traced = trace_batch(model, guide, batch, rows)
    weights = row_weights(traced.trace)
    return weights if traced.enumerated is None else logsumexp_by_datum(weights, traced.enumerated.datum, rows)


def elbo_per_datum(model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor]) -> Tensor:
    """One draw of every row's ELBO, all log-ratios sampled, discrete latents averaged over: [rows].

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model without latents.
        batch: values by site and covariate, [rows, ...] each.
    """
    traced = trace_batch(model, guide, batch, len(next(iter(batch.values()))))
    weights = row_weights(traced.trace)
    if traced.enumerated is None:
        return weights
    log_q = traced.enumerated.log_weight
    return _sum_by_datum(log_q.exp() * (weights - log_q), traced.enumerated.datum, traced.enumerated.num_data)


def row_weights(trace: PairedTrace, but: Collection[str] = ()) -> Tensor:
    """``log p(x, z) - log q(z | x)`` of every row of a paired run, [rows].

    Args:
        trace: of the run.
        but: latents of all data points together, which the weights are given and do not count.
    """
    terms = [per_datum(draw.log_prob(), draw, trace.rows) for draw in trace.observed.values()]
    terms += [per_datum(-draw.log_ratio(), draw, trace.rows) for name, draw in trace.latents.items() if name not in but]
    if not terms:
        raise DeclarationError(
            "the model has neither observed nor latent sites",
            expected="at least one site",
            got="none in this run",
            fix="@ppgen.observed def x(self): return dist.Normal(...).to_event(1)",
            code="M047",
        )
    return functools.reduce(torch.add, terms)


def _sum_by_datum(values: Tensor, datum: Tensor, num_data: int) -> Tensor:
    return values.new_zeros(num_data).index_add(0, datum, values)


def logsumexp_by_datum(values: Tensor, datum: Tensor, num_data: int) -> Tensor:
    """``log sum exp`` over the rows of each datum, [num_data].

    Args:
        values: [rows].
        datum: which datum each row belongs to, [rows].
        num_data: how many there are.
    """
    top = values.new_full((num_data,), -torch.inf).scatter_reduce(0, datum, values.detach(), "amax")
    return top + _sum_by_datum((values - top[datum]).exp(), datum, num_data).log()


def repeat_rows(batch: Mapping[str, Tensor], num_particles: int) -> dict[str, Tensor]:
    """The batch ``num_particles`` times over, [K * B, ...]: row ``k * B + b`` is datum ``b``.

    Particles as rows run through any network; particles as a leading dim would ask every network for broadcasting.

    Args:
        batch: [B, ...] each.
        num_particles: K.
    """
    if num_particles == 1:
        return dict(batch)
    return {key: value.repeat((num_particles,) + (1,) * (value.dim() - 1)) for key, value in batch.items()}


def particle_weights(
    model: PyroProgram, guide: PyroProgram, batch: Mapping[str, Tensor], num_particles: int, only: PairedSite | None
) -> Tensor:
    """``log p(x_i, z_ik) - log q(z_ik | x_i)``, [num_particles, rows], for independent ``z_ik ~ q(z | x_i)``.

    Args:
        model: the model.
        guide: the guide.
        batch: values by site and covariate, [rows, ...] each.
        num_particles: draws for each datum.
        only: the guide's :func:`only_latent` on the batch. With it, the guide need not run again: its distribution
            holds for all draws, and only the model has to see each of them. Without, the guide runs for every draw.
    """
    wide = repeat_rows(batch, num_particles)
    if only is None:
        return log_weights(model, guide, wide).reshape(num_particles, -1)
    values = only.draws(num_particles)
    log_q = only.guide_fn.log_prob(values)
    joint = log_weights(model, None, wide | {only.name: values.flatten(0, 1)})
    return joint.reshape(num_particles, -1) - log_q


def only_latent(model: PyroProgram, guide: PyroProgram, batch: Mapping[str, Tensor]) -> PairedSite | None:
    """The guide's only draw, if a declared model can take its value as given; else ``None``.

    Of several latents each may depend on the one before, so that one run of the guide does not tell of other draws.

    Args:
        model: the model.
        guide: the guide.
        batch: values by site and covariate, [rows, ...] each.
    """
    if not isinstance(model, Model) or discrete_sites(guide, batch):
        return None
    rows = len(next(iter(batch.values())))
    draws = list(trace_pair(model, guide, batch, rows).latents.values())
    if len(draws) != 1:
        return None
    (draw,) = draws
    masked = draw.mask is not None or any(isinstance(fn, MaskedDistribution) for fn in (draw.model_fn, draw.guide_fn))
    plain = data_frame(draw, rows) is not None and draw.guide_fn.batch_shape == (rows,) and not draw.is_delta
    return draw if plain and not masked else None
