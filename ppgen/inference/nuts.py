"""Pyro's No-U-Turn sampler over all latents of a whole data set: the gold posterior where latents are shared."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from pyro.infer import MCMC, NUTS, config_enumerate
from pyro.infer.autoguide.initialization import init_to_value
from torch import Tensor

from ppgen.context import default_type
from ppgen.declare import ProgramModule
from ppgen.inference.global_density import doubled, in_double

__all__ = ["run_nuts"]

_ACCEPTANCE = 0.9  # above Pyro's 0.8: hierarchies have necks, which small steps pass


def run_nuts(
    model: ProgramModule,
    batch: Mapping[str, Tensor],
    starts: Mapping[str, Tensor],
    num_warmup: int,
    num_draws: int,
) -> dict[str, Tensor]:
    """Draws from ``p(z, theta | x_1 ... x_N)``, by latent, [C, num_draws, *shape]; discrete latents are summed out.

    It is computed in float64 by a copy of the model where that is possible, since the log joint of many data has more
    digits than float32 has.

    Args:
        model: the model; its parameters stay as they are.
        batch: all data, [N, ...] each.
        starts: of each chain, by latent, [C, *shape] each; what is missing begins at Pyro's choice.
        num_warmup: transitions of each chain before its first draw.
        num_draws: kept of each.
    """
    rows = len(next(iter(batch.values())))
    program, data, dtype = _precise(model, batch, rows)
    chains: list[dict[str, Tensor]] = []
    num_chains = len(next(iter(starts.values())))
    with default_type(dtype), torch.enable_grad():
        for chain in range(num_chains):
            values = {
                name: start[chain].to(dtype) if start.is_floating_point() else start[chain]
                for name, start in starts.items()
            }
            kernel = NUTS(
                config_enumerate(functools.partial(program, data, rows)),
                target_accept_prob=_ACCEPTANCE,
                max_plate_nesting=max(model.nesting, 1 + len(model.plates)),
                init_strategy=init_to_value(values=values),
            )
            mcmc = MCMC(kernel, num_samples=num_draws, warmup_steps=num_warmup, disable_progbar=True)
            mcmc.run()
            chains.append(mcmc.get_samples())
    return {name: torch.stack([chain[name] for chain in chains]) for name in chains[0]}


def _precise(
    model: ProgramModule, batch: Mapping[str, Tensor], rows: int
) -> tuple[Any, Mapping[str, Tensor], torch.dtype]:
    """Model and data in float64, or as they are where a program mixes in numbers of its own type."""
    try:
        twin, data = in_double(model), {name: doubled(value) for name, value in batch.items()}
        with torch.no_grad(), default_type(torch.float64):
            twin(data, rows)
    except (RuntimeError, TypeError):
        return model, batch, torch.get_default_dtype()
    return twin, data, torch.float64
