"""Sampling and representation: draws of x, posterior means of z, reconstructions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from torch import Tensor, nn

from ppgen.context import evaluating, seeded, validation
from ppgen.declare.batch import chunks, without_latents
from ppgen.fitting.discrete import draw_missing, most_probable
from ppgen.fitting.means import posterior_means
from ppgen.objectives.pairing import draw_guide
from ppgen.objectives.run import discrete_sites

__all__ = ["draw_global", "draw_observed", "draw_posterior", "encode", "likeliest", "reconstruct"]

_ROWS = 512


def draw_observed(
    model: nn.Module,
    given: Mapping[str, Tensor],
    n: int,
    *,
    fixed: Mapping[str, Tensor],
    mean: bool,
    seed: int,
    device: torch.device,
) -> dict[str, Tensor]:
    """``n`` draws of every observed or implicit site; with ``mean``, the likelihood's mean at a draw of the latents.

    Args:
        given: covariates, [n, ...] each; the value of an observed site is a placeholder, and is drawn anew.
        fixed: values of global latents.
    """
    pieces: list[dict[str, Tensor]] = []
    prior = pyro.poutine.condition(pyro.poutine.uncondition(model), data=dict(fixed))
    with seeded(seed, device), evaluating(model), validation(True):
        for start in range(0, n, _ROWS):
            count = min(_ROWS, n - start)
            chunk = {key: value[start : start + count] for key, value in given.items()}
            pieces.append({name: _value(node, mean) for name, node in _outputs(model, prior, chunk, count)})
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def draw_global(model: Any, guide: nn.Module, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """One draw of every global latent from the guide."""
    rows = len(next(iter(data.values())))
    with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
        draws = draw_guide(guide, without_latents(model, data), rows)
    return {name: draws[name].value for name, site in model.sites.items() if name in draws and not site.local}


def encode(model: Any, guide: nn.Module, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """``E_q[z | x]`` of every latent, [N, *event] ([*event] if it is global); a Categorical's probabilities [N, K]."""
    pieces = []
    with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
        for chunk in chunks(data, _ROWS):
            pieces.append({name: _mean(halves) for name, halves in posterior_means(guide, chunk).items()})
    return _together(model, pieces)


def likeliest(model: Any, guide: nn.Module, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """One value of every latent to decode at, [N, *event] ([*event] if it is global).

    Discrete latents take their jointly most probable values, all others their posterior mean given those.
    """
    pieces = []
    with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
        for chunk in chunks(data, _ROWS):
            names = discrete_sites(guide, chunk)
            modes = most_probable(guide, chunk, names) if names else {}
            means = {name: _mean(halves) for name, halves in posterior_means(guide, {**chunk, **modes}).items()}
            pieces.append({**means, **modes})
    return _together(model, pieces)


def _together(model: Any, pieces: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The model's latents over all chunks; a global one from the first."""
    return {
        name: torch.cat([piece[name] for piece in pieces]) if _is_local(model, name) else pieces[0][name]
        for name in pieces[0]
        if name in model.sites
    }


def draw_posterior(
    model: Any, guide: nn.Module, data: Mapping[str, Tensor], num_draws: int, *, seed: int
) -> dict[str, Tensor]:
    """Draws of every latent from the guide, [num_draws, N, *event] ([num_draws, *event] if global).

    A discrete latent that the data have in some rows is drawn in the others.
    """
    rows = len(next(iter(data.values())))
    with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
        names = discrete_sites(guide, data)
        if any(name in data for name in names):
            completed = [draw_missing(guide, data, names) for _ in range(num_draws)]
            others = [draw_guide(guide, {**data, **values}, rows) for values in completed]
            runs = [
                values | {name: draw.value for name, draw in drawn.items()}
                for values, drawn in zip(completed, others, strict=True)
            ]
            return {name: torch.stack([run[name] for run in runs]) for name in runs[0]}
        first = draw_guide(guide, data, rows)
        if len(first) == 1:  # no other site that its distribution could depend on: the encoder runs once
            return {name: draw.guide_fn.sample((num_draws,)) for name, draw in first.items()}
        draws = [first, *(draw_guide(guide, data, rows) for _ in range(num_draws - 1))]
    return {name: torch.stack([draw[name].value for draw in draws]) for name in first if name in model.sites}


def reconstruct(
    model: nn.Module, latents: Mapping[str, Tensor], data: Mapping[str, Tensor], *, seed: int
) -> dict[str, Tensor]:
    """The likelihood's mean at given latents, for every observed site; a draw where there is no closed-form mean."""
    rows = len(next(iter(data.values())))
    pieces = []
    with seeded(seed, next(iter(data.values())).device), evaluating(model):
        for start in range(0, rows, _ROWS):
            part = slice(start, start + _ROWS)
            values = {name: value[part] if _is_local(model, name) else value for name, value in latents.items()}
            conditioned = pyro.poutine.condition(model, data=values)
            chunk = {key: value[part] for key, value in data.items() if key not in latents}
            nodes = _outputs(model, conditioned, chunk, min(_ROWS, rows - start))
            pieces.append({name: _value(node, mean=True) for name, node in nodes})
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def _is_local(model: Any, name: str) -> bool:
    return bool(model.sites[name].local)


def _outputs(model: Any, handled: Any, batch: Mapping[str, Tensor], rows: int) -> list[tuple[str, Any]]:
    """The observed and implicit sites of one run of a model inside handlers."""
    tracer = pyro.poutine.trace()
    with tracer:  # get_trace would make another exception out of ours
        handled(batch, rows)
    outputs = [name for name, site in model.sites.items() if site.role != "latent"]
    return [(name, tracer.trace.nodes[name]) for name in outputs if name in tracer.trace.nodes]


def _value(node: Any, mean: bool) -> Tensor:
    if not mean:
        return node["value"]
    try:
        return node["fn"].mean.expand(node["value"].shape)
    except (NotImplementedError, AttributeError):
        return node["value"]


def _mean(halves: Tensor) -> Tensor:
    return halves.mean(0) if halves.is_floating_point() else halves[0]
