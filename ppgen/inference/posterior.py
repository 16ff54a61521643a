"""Posterior means, modes and draws of the latents under a guide, also as ArviZ data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ppgen.context import evaluating, seeded
from ppgen.declare import ProgramModule, chunks, is_missing, label_of, name_of
from ppgen.errors import Unanswerable
from ppgen.inference.arviz_data import arviz_data
from ppgen.inference.batch_trace import EnumeratedBatch, discrete_sites, enumerate_discrete
from ppgen.inference.bound import data_frame
from ppgen.inference.marginals import class_probabilities, draw_summed_out
from ppgen.inference.means import center, closed_mean
from ppgen.inference.paired_trace import PairedSite, trace_guide
from ppgen.inference.reference import needs_reference, summed_out

__all__ = [
    "draw_missing",
    "draw_posterior",
    "encode",
    "mean_by_datum",
    "most_probable",
    "point_estimates",
    "posterior_means",
    "probabilities",
    "to_arviz",
]


_ROWS = 512


def encode(model: Any, guide: ProgramModule | None, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """``E_q[z | x]`` of every latent, [N, *event] ([*event] if it is global); a Categorical's probabilities [N, K].

    Args:
        model: the model.
        guide: the guide; ``None`` where the model sums all its latents out.
        data: values by site and covariate, [N, ...] each.
        seed: of the draws that a mean without a closed form takes.
    """
    means: dict[str, Tensor] = {}
    if guide is not None:
        with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
            means = _together(model, [_means(guide, chunk) for chunk in chunks(data, _ROWS)])
    return means | class_probabilities(model, guide, data, seed)


def point_estimates(model: Any, guide: ProgramModule, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """One value of every latent to decode at, [N, *event] ([*event] if it is global).

    Discrete latents take their jointly most probable values, all others their posterior mean given those.

    Args:
        model: the model.
        guide: the guide.
        data: values by site and covariate, [N, ...] each.
        seed: of the draws that a mean without a closed form takes.
    """
    if summed := summed_out(model, guide):
        raise Unanswerable(
            f"there is no one value of each latent to decode at: {label_of(model)} sums {', '.join(summed)} out",
            expected="latents that the guide draws",
            got="latents that only the model has",
            fix="fit.posterior(data) has joint draws of all latents",
            code="U031",
        )
    pieces = []
    with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
        for chunk in chunks(data, _ROWS):
            names = discrete_sites(guide, chunk)
            modes = most_probable(guide, chunk, names) if names else {}
            pieces.append(_means(guide, {**chunk, **modes}) | modes)
    return _together(model, pieces)


def draw_posterior(
    model: Any, guide: ProgramModule | None, data: Mapping[str, Tensor], num_draws: int, *, seed: int
) -> dict[str, Tensor]:
    """Draws of every latent from the guide, [num_draws, N, *event] ([num_draws, *event] if global).

    A discrete latent that the data have in some rows is drawn in the others. What the model sums out is drawn from its
    exact posterior given the others.

    Args:
        model: the model.
        guide: the guide; ``None`` where the model sums all its latents out.
        data: values by site and covariate, [N, ...] each.
        num_draws: how many.
        seed: of the draws.
    """
    rows = len(next(iter(data.values())))
    if guide is None or needs_reference(model, guide):
        return draw_summed_out(model, guide, data, num_draws, seed)
    with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
        names = discrete_sites(guide, data)
        if any(name in data for name in names):
            completed = [draw_missing(guide, data, names) for _ in range(num_draws)]
            others = [trace_guide(guide, {**data, **values}, rows) for values in completed]
            runs = [
                values | {name: draw.value for name, draw in drawn.items()}
                for values, drawn in zip(completed, others, strict=True)
            ]
            return {name: torch.stack([run[name] for run in runs]) for name in runs[0]}
        first = trace_guide(guide, data, rows)
        if len(first) == 1:  # no other site that its distribution could depend on: the encoder runs once
            return {name: draw.draws(num_draws) for name, draw in first.items()}
        draws = [first, *(trace_guide(guide, data, rows) for _ in range(num_draws - 1))]
    return {name: torch.stack([draw[name].value for draw in draws]) for name in first if name in model.sites}


def _together(model: Any, pieces: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The model's latents over all chunks; a global one from the first."""
    return {
        name: torch.cat([piece[name] for piece in pieces]) if model.sites[name].local else pieces[0][name]
        for name in pieces[0]
        if name in model.sites
    }


def _means(guide: ProgramModule, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: _average(halves) for name, halves in posterior_means(guide, batch).items()}


def _average(values: Tensor) -> Tensor:
    """The mean over the first dim; of integers, which have no mean that is a value of theirs, the first."""
    return values.mean(0) if values.is_floating_point() else values[0]


_RUNS = 32


def posterior_means(guide: ProgramModule, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``E_q[z | x]`` of every latent, twice over: [2, rows, *event] (without rows if it is global).

    A Categorical latent gives its probabilities, the mean of its one-hot value: [2, rows, classes]. The means of the
    others are averaged over all values of the discrete ones, not over draws of them.

    Where means are closed and depend on no other draw, both are the same. Otherwise 32 runs of the guide are averaged
    in two independent halves, so that the covariance of the halves over data is an unbiased estimate of the variance
    of the mean.

    Args:
        guide: the guide.
        batch: values by site and covariate, [rows, ...] each.
    """
    names = discrete_sites(guide, batch)
    if not names:
        return {name: halves for name, (halves, _) in _continuous(guide, batch).items()}
    enumerated = enumerate_discrete(guide, batch, names)
    means = {name: torch.stack([p, p]) for name, p in probabilities(guide, batch, names, enumerated).items()}
    for name, (halves, local) in _continuous(guide, enumerated.batch).items():
        means[name] = torch.stack([mean_by_datum(half, enumerated) for half in halves]) if local else halves
    return means


def _continuous(guide: ProgramModule, batch: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, bool]]:
    """The two halves of every drawn latent's mean, and whether it has one value per row."""
    rows = len(next(iter(batch.values())))
    first = trace_guide(guide, batch, rows)
    alone = len(first) == 1  # no other site that its distribution could depend on: the encoder runs once
    runs = [first, first if alone else trace_guide(guide, batch, rows)]
    if not all(_is_settled(runs[0][name], runs[1][name]) for name in first):
        runs += [first if alone else trace_guide(guide, batch, rows) for _ in range(_RUNS - 2)]
    halves = runs[: len(runs) // 2], runs[len(runs) // 2 :]
    return {
        name: (
            torch.stack([_average(torch.stack([_center(run[name]) for run in half])) for half in halves]),
            data_frame(draw, rows) is not None,
        )
        for name, draw in first.items()
    }


def _center(draw: PairedSite) -> Tensor:
    """The mean of a draw's distribution, as of :func:`center`."""
    return center(draw.guide_fn, draw.value.shape, draw.draws)


def _is_settled(first: PairedSite, second: PairedSite) -> bool:
    return closed_mean(first.guide_fn) is not None and torch.equal(_center(first), _center(second))


def mean_by_datum(values: Tensor, enumerated: EnumeratedBatch) -> Tensor:
    """``E_q[values]`` over the discrete latents that were summed out, [num_data, ...].

    Args:
        values: [rows, ...].
        enumerated: the batch that they belong to.
    """
    weight = enumerated.log_weight.exp().to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
    return values.new_zeros(enumerated.num_data, *values.shape[1:]).index_add(0, enumerated.datum, weight * values)


def probabilities(
    guide: ProgramModule, batch: Mapping[str, Tensor], names: list[str], enumerated: EnumeratedBatch
) -> dict[str, Tensor]:
    """``q(y | x)`` of every discrete latent: the mean of its one-hot value, or of its bits, [num_data, ...].

    A row that is observed has probability 1 at its value.

    Args:
        guide: with the discrete sites ``names``.
        batch: [num_data, ...] each.
        names: in the guide's order.
        enumerated: the batch over all their values.
    """
    free = {name: value for name, value in batch.items() if name not in names}
    drawn = trace_guide(guide, free, enumerated.num_data)
    found = {}
    for name in names:
        value, fn = enumerated.batch[name], drawn[name].guide_fn
        if name_of(fn) == "Categorical":
            value = one_hot(value.long(), len(fn.enumerate_support(expand=False)))
        found[name] = mean_by_datum(value.to(torch.get_default_dtype()), enumerated)
    return found


def most_probable(guide: ProgramModule, batch: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """The jointly most probable values of the discrete latents under ``q(. | x)``; observed ones as they are.

    Args:
        guide: with the discrete sites ``names``.
        batch: [num_data, ...] each.
        names: in the guide's order.
    """
    enumerated = enumerate_discrete(guide, batch, names)
    weight, datum = enumerated.log_weight, enumerated.datum
    top = weight.new_full((enumerated.num_data,), -torch.inf).scatter_reduce(0, datum, weight, "amax")
    best = (weight == top[datum]).nonzero().flatten()
    first = datum.new_full((enumerated.num_data,), len(datum)).scatter_reduce(0, datum[best], best, "amin")
    return {name: enumerated.batch[name][first] for name in names}


def draw_missing(guide: ProgramModule, batch: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """A draw of the discrete latents where their values are missing or absent; observed ones as they are.

    Args:
        guide: with the discrete sites ``names``.
        batch: [rows, ...] each.
        names: in the guide's order.
    """
    free = {name: value for name, value in batch.items() if name not in names}
    values: dict[str, Tensor] = {}
    for name in names:  # one after the other: a later one may depend on an earlier one that is observed
        value = trace_guide(guide, {**free, **values}, len(next(iter(batch.values()))))[name].value
        if name in batch:
            missing = is_missing(batch[name]).reshape(-1, *[1] * (value.dim() - 1))
            value = torch.where(missing, value, batch[name].to(value.dtype))
        values[name] = value
    return values


def to_arviz(
    posterior: Mapping[str, Tensor],
    observed: Mapping[str, Tensor],
    log_likelihood: Mapping[str, Tensor] | None = None,
    told: Mapping[str, Tensor] | None = None,
) -> Any:
    """Draws and data as InferenceData (ArviZ < 1) or a DataTree (>= 1), with one chain.

    A guide's draws are independent: one chain holds all of them.

    Args:
        posterior: [num_draws, N, *event] of each latent.
        observed: the data, [N, ...] each.
        log_likelihood: of each datum at each draw, [num_draws, N], by what it is of; a group of its own, if any.
        told: what else is known of each datum, [N] each; likewise, as constant data.
    """
    groups: dict[str, Any] = {
        "posterior": {name: value.detach().cpu().numpy()[None] for name, value in posterior.items()},
        "observed_data": {name: value.detach().cpu().numpy() for name, value in observed.items()},
    }
    if log_likelihood:
        groups["log_likelihood"] = {name: value.detach().cpu().numpy()[None] for name, value in log_likelihood.items()}
    if told:
        groups["constant_data"] = {name: value.detach().cpu().numpy() for name, value in told.items()}
    return arviz_data(groups)
