"""The guide's log-density of latents that it did not draw itself."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.declare import PyroProgram
from ppgen.errors import DeclarationError
from ppgen.inference import per_datum, trace_guide
from ppgen.objectives.objective import Objective

__all__ = ["guide_log_prob"]


def guide_log_prob(
    guide: PyroProgram,
    evidence: Mapping[str, Tensor],
    rows: int,
    values: Mapping[str, Tensor],
    objective: Objective,
) -> Tensor:
    """``log q(z | x)`` at given values, [rows].

    Args:
        guide: the guide.
        evidence: what it reads, by site and covariate, [rows, ...] each.
        rows: how many.
        values: of all latents, [rows, *event] each.
        objective: named in the message.

    Raises:
        DeclarationError: if the guide draws what is no latent of the model.
    """
    draws = trace_guide(guide, evidence, rows, values)
    if strange := [name for name in draws if name not in values]:
        raise DeclarationError(
            f"{objective.name}: the guide draws {strange[0]!r}, which is no latent variable of the model",
            expected=f"guide sites {sorted(values)}",
            got=f"guide sites {sorted(draws)}",
            fix="objective=ppgen.ELBO()",
            code="M055",
        )
    densities = [per_datum(draw.guide_fn.log_prob(draw.value), draw, rows) for draw in draws.values()]
    return functools.reduce(torch.add, densities)
