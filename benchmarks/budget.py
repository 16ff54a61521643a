"""Training for so many minutes of processor time, to the step."""

from __future__ import annotations

import math
import time

from ppgen.training.callbacks import Callback, Training

__all__ = ["Budget"]


class Budget(Callback):
    """Ends a fit when its processor time is spent; the learning rate falls along a cosine of that time.

    ``ppgen.fit(..., max_epochs=Budget.EPOCHS, schedule=budget.factor, callbacks=[budget])``. Validation is paid for as
    well. The same budget takes a different number of steps on another day, so that weights are not the same either.

    Args:
        minutes: of processor time, of all threads.
        rise: the share of it over which the learning rate rises from 0 to what the cosine says.
    """

    EPOCHS = 1_000_000  # more than any budget pays for

    def __init__(self, minutes: float, rise: float = 0.0) -> None:
        self._seconds, self._rise, self._began = 60.0 * minutes, rise, time.process_time()
        self.steps = 0

    def start(self, training: Training) -> None:
        """Before the first step: what was spent on setting up does not count."""
        self._began = time.process_time()

    def step(self, training: Training) -> None:
        """After every step."""
        self.steps = training.step
        if self.share() >= 1.0:
            training.stop("budget")

    def share(self) -> float:
        """Of the budget that is spent, at most 1."""
        return min(1.0, (time.process_time() - self._began) / self._seconds)

    def factor(self, _: float) -> float:
        """Of the learning rate: to 0 in the end."""
        share = self.share()
        return 0.5 * (1.0 + math.cos(math.pi * share)) * (min(1.0, share / self._rise) if self._rise else 1.0)
