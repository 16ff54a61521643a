"""Whether an answer can be trusted: the tail of its importance weights, and data that the model could not make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.context import evaluating, seeded
from ppgen.declare import without_latents
from ppgen.inference.dreams import dream
from ppgen.inference.importance import log_prob, repeat_rows, weights_of_data
from ppgen.inference.pareto_tail import pareto_k

__all__ = ["trust_in"]

_PARTICLES = 200
_SIMULATED = 200


def trust_in(model: Any, guide: Any, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """What tells of each datum whether its posterior means something, [N] each, float64.

    ``pareto_k``: above 0.7 the guide misses a part of the posterior that matters (:func:`pareto_k`).

    ``out_of_model``: two-sided p-value of log p(x) among 200 draws of the model with the same covariates.
    Near 0, the model does not make such data, and a posterior says little of where they came from. The smallest that
    can be found is 2 in 201. A density that is too high is as strange as one that is too low: of an image model, that
    of an even grey.

    Args:
        model: with a density, and latents with one value per datum.
        guide: that weighs draws; log p(x) is its bound of 200 draws, for the data and for those that are drawn.
        data: by site and covariate, [N, ...] each.
        seed: of all draws.
    """
    rows = len(next(iter(data.values())))
    found = log_prob(model, guide, data, _PARTICLES, seed)
    with seeded(seed, found.device), evaluating(model):
        _, seen = dream(model, repeat_rows(data, _SIMULATED))
    simulated = log_prob(model, guide, without_latents(model, seen), _PARTICLES, seed).reshape(_SIMULATED, rows)
    below, above = (1 + (simulated <= found).sum(0)), (1 + (simulated >= found).sum(0))
    p_value = (2 * torch.minimum(below, above).double() / (_SIMULATED + 1)).clamp(max=1.0)
    tails = pareto_k(weights_of_data(model, guide, data, _PARTICLES, seed))
    return {"pareto_k": tails, "out_of_model": p_value}
