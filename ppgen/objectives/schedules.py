"""Courses over training: a weight that rises linearly, once or in cycles, and the learning rate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from ppgen.arguments import finite_number, whole_number
from ppgen.errors import SettingError

__all__ = ["SCHEDULES", "Ramp"]


@dataclasses.dataclass(frozen=True)
class Ramp:
    """Rises linearly from 0 to 1 over ``warmup`` epochs and stays there; several cycles begin again at 0.

    In each cycle the rise is followed by as many epochs at 1, the proportion 1/2 of H. Fu et al., 2019, Cyclical
    Annealing Schedule: A Simple Approach to Mitigating KL Vanishing, equation 6. After the last cycle it stays at 1.

    Args:
        warmup: epochs of one rise; 0 for a constant 1.
        cycles: how many rises.

    Raises:
        SettingError: on a negative or non-finite ``warmup``, fewer than one cycle, or cycles without a warm-up.

    Example:
        >>> [Ramp(10, cycles=2).at(epoch) for epoch in (0, 5, 15, 20, 25, 99)]
        [0.0, 0.5, 1.0, 0.0, 0.5, 1.0]
    """

    warmup: float = 0.0
    cycles: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "warmup", finite_number("warmup", self.warmup, at_least=0, suggested=10))
        whole_number("cycles", self.cycles, suggested=4)
        if self.cycles > 1 and not self.warmup:
            raise SettingError(
                "cycles of a rise that takes no time",
                expected="warmup > 0, the epochs of each rise",
                got=f"cycles={self.cycles}, warmup=0",
                fix=f"warmup=5, cycles={self.cycles}",
                code="S095",
            )

    def at(self, epoch: float) -> float:
        """The share of the full weight at an epoch, in [0, 1]."""
        if not self.warmup or epoch >= 2 * self.warmup * self.cycles:
            return 1.0
        inside = epoch % (2 * self.warmup) if self.cycles > 1 else epoch
        return min(1.0, inside / self.warmup)


def _constant(progress: float) -> float:
    return 1.0


def _cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov & Hutter, 2017, SGDR: Stochastic Gradient Descent with Restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


SCHEDULES: Mapping[str, Callable[[float], float]] = {"constant": _constant, "cosine": _cosine}
"""What the learning rate is multiplied by, given the share of training that is done."""
