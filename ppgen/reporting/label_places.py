"""Where names stand in a plane, so that none covers another."""

from __future__ import annotations

import numpy as np

from ppgen.reporting.mosaic import Array

__all__ = ["set_apart"]


def set_apart(places: Array, least: float) -> Array:
    """The places, those nearer to each other than ``least`` pushed away from each other along the line between them.

    Each of a pair goes half of what is missing, in rounds until none is too near. Places that are far enough from all
    others stay where they are.

    Args:
        places: [N, 2].
        least: the distance to keep.

    Returns:
        [N, 2].

    Example:
        >>> set_apart(np.array([[0.0, 0.0], [0.6, 0.0], [9.0, 9.0]]), least=1.0).round(6).tolist()
        [[-0.2, 0.0], [0.8, 0.0], [9.0, 9.0]]
    """
    places = places.astype(float)
    above = np.arange(len(places))
    for _ in range(100):
        across = places[:, None] - places[None]
        distances = np.linalg.norm(across, axis=-1)
        # Two at one place have no line between them: the later goes up.
        upwards = np.stack([np.zeros_like(distances), np.sign(above[:, None] - above)], axis=-1)
        directions = np.where(distances[..., None] > 0, across / np.maximum(distances, 1e-12)[..., None], upwards)
        missing = np.maximum(least - distances, 0.0) * (above[:, None] != above)
        if missing.max(initial=0.0) < 1e-9:
            break
        places = places + (0.5 * missing[..., None] * directions).sum(axis=1)
    return places
