"""Held-out quantities of an epoch: the loss, the true ELBO and its parts, by latent and dimension."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.context import evaluating, seeded
from ppgen.declare import ProgramModule, chunks, partly_missing
from ppgen.inference import (
    data_frame,
    discrete_sites,
    elbo_parts,
    kl_per_dimension,
    mean_by_datum,
    needs_reference,
    posterior_means,
    trace_batch,
)
from ppgen.objectives import TrainingPosition
from ppgen.training.prepare import Problem

__all__ = ["ACTIVE_THRESHOLD", "monitor"]

ACTIVE_THRESHOLD = 0.01  # nats of variance: Burda, Grosse & Salakhutdinov, 2016, section 5
_ROWS = 512
_ANATOMY_ROWS = 1024


def monitor(problem: Problem, data: Mapping[str, Tensor], position: TrainingPosition, seed: int) -> dict[str, Any]:
    """One row of history for a held-out split.

    The noise is the same at every call, so that two epochs differ by their weights only. The problem's size is that of
    the training split, so that the loss weighs a global latent as training does.

    Args:
        problem: what is trained.
        data: the whole split on the device, [N, ...] each.
        position: of the schedule; the end of training, so that losses of all epochs mean the same.
        seed: of the noise.

    Returns:
        ``loss`` and its record (not for an objective of several players, whose losses are no measure of the fit); the
        true ELBO and its parts, whatever the objective, if there are a guide and a likelihood; and for each latent
        ``active_units/z`` (dimensions whose posterior mean varies over data by more than 0.01) and, where both
        distributions factorise, ``kl_per_dimension/z`` (a list, nats).
    """
    rows = len(next(iter(data.values())))
    totals: dict[str, Tensor] = {}
    guide = problem.state.guide if _is_bounded(problem, data) else None
    with seeded(seed, next(iter(data.values())).device), evaluating(problem.state.model, problem.state.guide):
        for chunk in chunks(data, _ROWS):
            count = len(next(iter(chunk.values())))
            sized = dataclasses.replace(problem, size=max(problem.size, count))
            for key, value in _losses(sized, guide, chunk, position).items():
                weighted = value.double() * (count / rows)
                totals[key] = totals[key] + weighted if key in totals else weighted
        row: dict[str, Any] = {key: value.item() for key, value in totals.items()}
        if guide is not None and not needs_reference(problem.state.model, guide):
            row |= _by_latent(problem.state.model, guide, {key: t[:_ANATOMY_ROWS] for key, t in data.items()})
    return row


def _is_bounded(problem: Problem, data: Mapping[str, Tensor]) -> bool:
    """Whether there is a bound on log p(x) to measure: not without a likelihood, nor where all latents are known."""
    model = problem.state.model
    latents = {name for name, site in model.sites.items() if site.role == "latent"}
    is_known = bool(latents) and latents <= set(data) and not partly_missing(model, data)
    return not (model.is_implicit or is_known)


def _losses(
    problem: Problem, guide: ProgramModule | None, chunk: Mapping[str, Tensor], position: TrainingPosition
) -> dict[str, Tensor]:
    """The objective's loss and record on a piece of the split, and the bound's parts where it records none, [] each."""
    players = problem.players
    named: dict[str, Tensor] = {}
    if len(players) == 1:
        loss = problem.loss(players[0].name, chunk, position)
        named |= {"loss": loss.value, **loss.record}
    if guide is not None and not {"elbo", "log_joint", "unnormalised_elbo"} & set(named):
        named |= elbo_parts(problem.state.model, guide, chunk, problem.size).record()
    return named


def _by_latent(model: ProgramModule, guide: ProgramModule, data: Mapping[str, Tensor]) -> dict[str, Any]:
    """Active units and closed-form KL by dimension of every continuous latent with one value per datum."""
    row: dict[str, Any] = {}
    rows = len(next(iter(data.values())))
    means = posterior_means(guide, data)
    if not set(means) - set(discrete_sites(guide, data)):
        return row
    traced = trace_batch(model, guide, data, rows)
    for name, draw in traced.trace.latents.items():
        if draw.model_fn is None or data_frame(draw, traced.rows) is None:
            continue
        if rows > 1 and means[name].is_floating_point():  # a class has no mean that could vary
            first, second = (half.reshape(rows, -1) for half in means[name])
            covariance = ((first - first.mean(0)) * (second - second.mean(0))).sum(0) / (rows - 1)
            row[f"active_units/{name}"] = int((covariance > ACTIVE_THRESHOLD).sum())
        kl = kl_per_dimension(draw.guide_fn, draw.model_fn) if draw.has_valid_kl else None
        if kl is not None:
            flat = kl.reshape(traced.rows, -1)
            by_datum = flat if traced.enumerated is None else mean_by_datum(flat, traced.enumerated)
            row[f"kl_per_dimension/{name}"] = by_datum.mean(0).tolist()
    return row
