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

__all__ = ["particle_weights", "repeat_rows"]


def repeat_rows(batch: Mapping[str, Tensor], num_particles: int) -> dict[str, Tensor]:
    """The batch ``num_particles`` times over, [K * B, ...]: row ``k * B + b`` is datum ``b``.

    Particles as rows run through any network; particles as a leading dim would ask every network for broadcasting.
    """
    if num_particles == 1:
        return dict(batch)
    return {key: value.repeat((num_particles,) + (1,) * (value.dim() - 1)) for key, value in batch.items()}


def particle_weights(model: Program, guide: Program, batch: Mapping[str, Tensor], num_particles: int) -> Tensor:
    """``log p(x_i, z_ik) - log q(z_ik | x_i)``, [num_particles, rows], for independent ``z_ik ~ q(z | x_i)``.

    Where the guide draws one latent, it runs once: its distribution holds for all draws, and only the model has to
    see each of them. Of several latents each may depend on the one before, so that the guide runs for every draw.
    """
    rows = len(next(iter(batch.values())))
    draw = _only_latent(model, guide, batch, rows) if num_particles > 1 else None
    wide = repeat_rows(batch, num_particles)
    if draw is None:
        return log_weights(model, guide, wide).reshape(num_particles, rows)
    values = draw.guide_fn.sample((num_particles,))
    log_q = draw.guide_fn.log_prob(values)
    joint = log_weights(model, None, wide | {draw.name: values.flatten(0, 1)})
    return joint.reshape(num_particles, rows) - log_q


def _only_latent(model: Program, guide: Program, batch: Mapping[str, Tensor], rows: int) -> Draw | None:
    """The guide's only draw, if a declared model can take its value as given; else ``None``."""
    if discrete_sites(guide, batch):
        return None
    draws = list(pair(model, guide, batch, rows).latents.values())
    if len(draws) != 1:
        return None
    (draw,) = draws
    masked = draw.mask is not None or any(isinstance(fn, MaskedDistribution) for fn in (draw.model_fn, draw.guide_fn))
    plain = data_frame(draw, rows) is not None and draw.guide_fn.batch_shape == (rows,) and not draw.is_delta
    return draw if plain and not masked and isinstance(model, Model) else None
