"""Data that a model dreams: its latents, and what a guide reads of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyro
import torch
from torch import Tensor

from ppgen.context import evaluating, preserved_state, seeded

__all__ = ["dream", "dream_many", "find_waking"]

_ROWS = 4096


def dream(model: Any, batch: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """One draw of everything from the model: its latents, and the batch with what was observed drawn anew.

    Args:
        model: declared, or one of a hand-written program that :func:`find_waking` finds nothing in.
        batch: tensors [rows, ...] by site and covariate, which says the covariates and how many rows.

    Returns:
        The latents by site, and the batch that a guide would read, [rows, ...] each.
    """
    rows = len(next(iter(batch.values())))
    if model.is_declared:
        given = {name: value for name, value in batch.items() if name not in model.sites}
        values = model(given, rows)
    else:
        given, tracer = dict(batch), pyro.poutine.trace()
        with tracer:
            pyro.poutine.uncondition(model)(batch, rows)
        nodes: Any = tracer.trace.nodes
        values = {name: nodes[name]["value"] for name in model.sites}
    latents = {name: values[name] for name, site in model.sites.items() if site.role == "latent"}
    seen = {model.column_of(name): values[name] for name in model.sites if name not in latents}
    if not model.is_declared:
        seen = {name: value.reshape(batch[name].shape).to(batch[name].dtype) for name, value in seen.items()}
    return latents, given | seen


def dream_many(
    model: Any, data: Mapping[str, Tensor], num_draws: int, *, device: torch.device, seed: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Draws of everything from the model in evaluation mode, each with the covariates of some row of the data.

    Args:
        model: as for :func:`dream`.
        data: the rows whose covariates are taken, at random and with repetition, [N, ...] each.
        num_draws: how many.
        device: where the model is, and the draws are made.
        seed: of the draws.

    Returns:
        The latents by site, and what a guide would read of the data, [num_draws, ...] each.
    """
    pieces: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []
    total = len(next(iter(data.values())))
    with seeded(seed, device), evaluating(model):
        for start in range(0, num_draws, _ROWS):
            rows = torch.randint(total, (min(_ROWS, num_draws - start),))
            pieces.append(dream(model, {name: value[rows].to(device) for name, value in data.items()}))
    latents, evidence = zip(*pieces, strict=True)
    return _stacked(latents), _stacked(evidence)


def _stacked(pieces: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def find_waking(model: Any, batch: Mapping[str, Tensor]) -> str:
    """Why a hand-written program cannot dream these data, in words; ``""`` if it can.

    It can where every observed site was given an entry of the batch as it is, and nothing else reads that entry: its
    draws must be the same, noise for noise, when the data come in another order.

    Args:
        model: the model, set up.
        batch: a few rows, [rows, ...] each.
    """
    if model.is_declared:
        return ""
    observed = [name for name, site in model.sites.items() if site.role != "latent"]
    if factors := [name for name in observed if not model.sites[name].is_normalised]:
        return f"{factors[0]!r} is a factor, which cannot be drawn"
    if computed := [name for name in observed if model.column_of(name) not in batch]:
        return f"{computed[0]!r} observes what is computed from the data, and the data of a dream are not known"
    columns = {model.column_of(name) for name in observed}
    turned = {key: value.roll(1, 0) if key in columns else value for key, value in batch.items()}
    runs = []
    for given in (batch, turned):
        with preserved_state(model):
            latents, seen = dream(model, given)
        runs.append({**latents, **{name: seen[name] for name in columns}})
    changed = [name for name, value in runs[0].items() if not torch.equal(value, runs[1][name])]
    return f"{changed[0]!r} depends on the data that are to be dreamt" if changed else ""
