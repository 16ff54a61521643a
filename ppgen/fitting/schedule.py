"""The learning rate over the course of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

__all__ = ["SCHEDULES"]


def _constant(progress: float) -> float:
    return 1.0


def _cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov & Hutter, 2017, SGDR: Stochastic Gradient Descent with Restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


SCHEDULES: Mapping[str, Callable[[float], float]] = {"constant": _constant, "cosine": _cosine}
"""What the learning rate is multiplied by, given the share of training that is done."""
