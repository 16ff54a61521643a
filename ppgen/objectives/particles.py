"""Several draws of the guide for each datum, as further rows of the batch."""

from __future__ import annotations

from collections.abc import Mapping

from pyro.distributions import MaskedDistribution
from torch import Tensor

from ppgen.declare.model import Model
from ppgen.objectives.base import Program
from ppgen.objectives.bound import data_frame, log_weights
from ppgen.objectives.pairing import Draw, pair
from ppgen.objectives.run import discrete_sites

__all__ = ["only_latent", "particle_weights", "repeat_rows"]


def repeat_rows(batch: Mapping[str, Tensor], num_particles: int) -> dict[str, Tensor]:
    """The batch ``num_particles`` times over, [K * B, ...]: row ``k * B + b`` is datum ``b``.

    Particles as rows run through any network; particles as a leading dim would ask every network for broadcasting.
    """
    if num_particles == 1:
        return dict(batch)
    return {key: value.repeat((num_particles,) + (1,) * (value.dim() - 1)) for key, value in batch.items()}


def particle_weights(
    model: Program, guide: Program, batch: Mapping[str, Tensor], num_particles: int, only: Draw | None
) -> Tensor:
    """``log p(x_i, z_ik) - log q(z_ik | x_i)``, [num_particles, rows], for independent ``z_ik ~ q(z | x_i)``.

    Args:
        only: what :func:`only_latent` said of the batch. With it, the guide need not run again: its distribution holds
            for all draws, and only the model has to see each of them. Without, the guide runs for every draw.
    """
    wide = repeat_rows(batch, num_particles)
    if only is None:
        return log_weights(model, guide, wide).reshape(num_particles, -1)
    values = only.guide_fn.sample((num_particles,))
    log_q = only.guide_fn.log_prob(values)
    joint = log_weights(model, None, wide | {only.name: values.flatten(0, 1)})
    return joint.reshape(num_particles, -1) - log_q


def only_latent(model: Program, guide: Program, batch: Mapping[str, Tensor]) -> Draw | None:
    """The guide's only draw, if a declared model can take its value as given; else ``None``.

    Of several latents each may depend on the one before, so that one run of the guide does not tell of other draws.
    """
    if not isinstance(model, Model) or discrete_sites(guide, batch):
        return None
    rows = len(next(iter(batch.values())))
    draws = list(pair(model, guide, batch, rows).latents.values())
    if len(draws) != 1:
        return None
    (draw,) = draws
    masked = draw.mask is not None or any(isinstance(fn, MaskedDistribution) for fn in (draw.model_fn, draw.guide_fn))
    plain = data_frame(draw, rows) is not None and draw.guide_fn.batch_shape == (rows,) and not draw.is_delta
    return draw if plain and not masked else None
