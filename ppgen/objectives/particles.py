"""Several draws of the guide for each datum, as further rows of the batch."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

__all__ = ["repeat_rows"]


def repeat_rows(batch: Mapping[str, Tensor], num_particles: int) -> dict[str, Tensor]:
    """The batch ``num_particles`` times over, [K * B, ...]: row ``k * B + b`` is datum ``b``.

    Particles as rows run through any network; particles as a leading dim would ask every network for broadcasting.
    """
    if num_particles == 1:
        return dict(batch)
    return {key: value.repeat((num_particles,) + (1,) * (value.dim() - 1)) for key, value in batch.items()}
