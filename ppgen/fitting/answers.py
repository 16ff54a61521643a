"""Sampling and representation: draws of x, posterior means of z, reconstructions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from pyro.poutine.util import site_is_subsample
from torch import Tensor, nn

from ppgen.fitting.monitor import evaluating, posterior_mean, seeded
from ppgen.fitting.resident import chunks
from ppgen.objectives.pairing import Pairing

__all__ = ["draw_observed", "draw_posterior", "posterior_means", "reconstruct"]

_ROWS = 512
_DRAWS_OF_A_MEAN = 32


def draw_observed(
    model: nn.Module, covariates: Mapping[str, Tensor], n: int, *, mean: bool, seed: int, device: torch.device
) -> dict[str, Tensor]:
    """``n`` draws of every observed or implicit site; with ``mean``, the likelihood's mean at a draw of the latents."""
    pieces: list[dict[str, Tensor]] = []
    with seeded(seed, device), evaluating(model):
        for start in range(0, n, _ROWS):
            count = min(_ROWS, n - start)
            given = {key: value[start : start + count] for key, value in covariates.items()}
            trace = pyro.poutine.trace(pyro.poutine.uncondition(model)).get_trace(given, count)
            pieces.append({name: _value(node, mean) for name, node in _outputs(model, trace)})
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def posterior_means(model: nn.Module, guide: nn.Module, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """``E_q[z | x]`` of every local latent, [N, *event].

    One latent with a closed-form mean needs one run of the guide; otherwise means are averaged over 32 runs, so that
    a latent that depends on another is averaged over it.
    """
    device = next(iter(data.values())).device
    pieces = []
    with seeded(seed, device), evaluating(guide, model):
        for chunk in chunks(data, _ROWS):
            pieces.append(_chunk_means(guide, chunk))
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def draw_posterior(
    model: nn.Module, guide: nn.Module, data: Mapping[str, Tensor], num_draws: int, *, seed: int
) -> dict[str, Tensor]:
    """Draws of every latent from the guide, [num_draws, N, *event] ([num_draws, *event] if global)."""
    device = next(iter(data.values())).device
    rows = len(next(iter(data.values())))
    with seeded(seed, device), evaluating(guide, model):
        draws = [{name: d.value for name, d in _run(guide, data, rows).items()} for _ in range(num_draws)]
    return {name: torch.stack([draw[name] for draw in draws]) for name in draws[0]}


def reconstruct(
    model: nn.Module, latents: Mapping[str, Tensor], data: Mapping[str, Tensor], *, seed: int
) -> dict[str, Tensor]:
    """The likelihood's mean at given latents, for every observed site; a draw where there is no closed-form mean."""
    device = next(iter(data.values())).device
    rows = len(next(iter(data.values())))
    pieces = []
    with seeded(seed, device), evaluating(model):
        local = {name: value for name, value in latents.items() if len(value) == rows}
        for chunk, values in zip(chunks(data, _ROWS), chunks(local, _ROWS), strict=True):
            fixed = {**latents, **values}
            conditioned = pyro.poutine.condition(model, data=fixed)
            trace = pyro.poutine.trace(conditioned).get_trace(chunk, len(next(iter(chunk.values()))))
            pieces.append({name: _value(node, mean=True) for name, node in _outputs(model, trace)})
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def _run(guide: nn.Module, data: Mapping[str, Tensor], rows: int) -> dict[str, Any]:
    pairing = Pairing()
    with pairing:
        guide(data, rows)
    return pairing.latents


def _chunk_means(guide: nn.Module, chunk: Mapping[str, Tensor]) -> dict[str, Tensor]:
    rows = len(next(iter(chunk.values())))
    first = _run(guide, chunk, rows)
    closed = len(first) == 1 and all(_has_mean(draw.guide_fn) for draw in first.values())
    runs = [first] + ([] if closed else [_run(guide, chunk, rows) for _ in range(_DRAWS_OF_A_MEAN - 1)])
    return {
        name: torch.stack([posterior_mean(run[name].guide_fn, run[name].value) for run in runs]).mean(0)
        for name, draw in first.items()
        if any(frame.vectorized for frame in draw.frames)
    }


def _has_mean(fn: Any) -> bool:
    try:
        _ = fn.mean
    except (NotImplementedError, AttributeError):
        return False
    return True


def _outputs(model: nn.Module, trace: Any) -> list[tuple[str, Any]]:
    """The observed and implicit sites of a run."""
    roles = {name: site.role for name, site in getattr(model, "sites", {}).items()}
    return [
        (name, node)
        for name, node in trace.nodes.items()
        if node["type"] == "sample" and not site_is_subsample(node) and roles.get(name, "latent") != "latent"
    ]


def _value(node: Any, mean: bool) -> Tensor:
    if mean and _has_mean(node["fn"]):
        return node["fn"].mean.expand(node["value"].shape)
    return node["value"]
