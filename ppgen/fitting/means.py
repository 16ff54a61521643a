"""Posterior means of the latents, by closed form where the guide has one, else by averaging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.fitting.discrete import mean_by_datum, probabilities
from ppgen.objectives.bound import data_frame
from ppgen.objectives.enumeration import enumerate_discrete
from ppgen.objectives.pairing import Draw, draw_guide
from ppgen.objectives.run import discrete_sites

__all__ = ["posterior_means"]

_RUNS = 32
_DRAWS_A_RUN = 16


def posterior_means(guide: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``E_q[z | x]`` of every latent, twice over: [2, rows, *event] (without rows if it is global).

    A Categorical latent gives its probabilities, the mean of its one-hot value: [2, rows, classes]. The means of the
    others are averaged over all values of the discrete ones, not over draws of them.

    Where means are closed and depend on no other draw, both are the same. Otherwise 32 runs of the guide are averaged
    in two independent halves, so that the covariance of the halves over data is an unbiased estimate of the variance
    of the mean.
    """
    names = discrete_sites(guide, batch)
    if not names:
        return {name: halves for name, (halves, _) in _continuous(guide, batch).items()}
    expanded = enumerate_discrete(guide, batch, names)
    means = {name: torch.stack([p, p]) for name, p in probabilities(guide, batch, names, expanded).items()}
    for name, (halves, local) in _continuous(guide, expanded.batch).items():
        means[name] = torch.stack([mean_by_datum(half, expanded) for half in halves]) if local else halves
    return means


def _continuous(guide: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, bool]]:
    """The two halves of every drawn latent's mean, and whether it has one value per row."""
    rows = len(next(iter(batch.values())))
    first = draw_guide(guide, batch, rows)
    alone = len(first) == 1  # no other site that its distribution could depend on: the encoder runs once
    runs = [first, first if alone else draw_guide(guide, batch, rows)]
    if not all(_is_settled(runs[0][name], runs[1][name]) for name in first):
        runs += [first if alone else draw_guide(guide, batch, rows) for _ in range(_RUNS - 2)]
    half = len(runs) // 2
    means = {
        name: torch.stack([_average([_center(run[name]) for run in part]) for part in (runs[:half], runs[half:])])
        for name in first
    }
    return {name: (halves, data_frame(first[name], rows) is not None) for name, halves in means.items()}


def _average(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean(0) if values[0].is_floating_point() else values[0]


def _center(draw: Draw) -> Tensor:
    """The mean of a draw's distribution; of a few draws where it has no closed form (a transformed Gaussian)."""
    if not draw.guide_fn.has_rsample:
        return draw.guide_fn.mode.expand(draw.value.shape)  # a mean of class indices is no class
    if _has_mean(draw.guide_fn):
        return draw.guide_fn.mean.expand(draw.value.shape)
    return draw.guide_fn.sample((_DRAWS_A_RUN,)).mean(0)


def _is_settled(first: Draw, second: Draw) -> bool:
    return _has_mean(first.guide_fn) and torch.equal(_center(first), _center(second))


def _has_mean(fn: Any) -> bool:
    try:
        _ = fn.mean
    except (NotImplementedError, AttributeError):
        return False
    return True
