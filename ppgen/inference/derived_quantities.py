"""What a program computes of its latents and names by ``pyro.deterministic``, at draws of the posterior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from torch import Tensor

from ppgen.context import evaluating, seeded
from ppgen.declare import is_computed

__all__ = ["derived_quantities"]


def derived_quantities(
    model: Any, draws: Mapping[str, Tensor], data: Mapping[str, Tensor], *, seed: int
) -> dict[str, Tensor]:
    """The values of a hand-written program's ``pyro.deterministic`` and reparameterised sites, [num_draws, ...] each.

    Each is computed by a run of the model at one joint draw of all latents. A declared model has no such sites: what
    is computed of its latents, it computes in the methods that read them.

    Args:
        model: the model.
        draws: of every latent, [num_draws, N, *event] ([num_draws, *event] if it is global).
        data: values by site and covariate, [N, ...] each.
        seed: of noise that the program may draw besides.
    """
    if model.is_declared or not draws:
        return {}
    runs: list[dict[str, Tensor]] = []
    with seeded(seed, next(iter(data.values())).device), evaluating(model):
        for i in range(len(next(iter(draws.values())))):
            values = {name: drawn[i] for name, drawn in draws.items()}
            tracer = pyro.poutine.trace()
            with tracer:
                pyro.poutine.condition(model, data=values)(data, len(next(iter(data.values()))))
            nodes: Any = tracer.trace.nodes
            named = {n: node["value"] for n, node in nodes.items() if node["type"] == "sample" and is_computed(node)}
            if not named:
                return {}
            runs.append(named)
    return {name: torch.stack([run[name] for run in runs]) for name in runs[0]}
