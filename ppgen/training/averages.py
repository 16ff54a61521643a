"""The exponential moving average of what a player moves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

__all__ = ["MovingAverage"]


class MovingAverage:
    """The exponential moving average of a player's parameters over its steps, which forgets where it began.

    It begins with the weights after the first step; ``average = d * average + (1 - d) * weights`` from then on, with
    ``d = min(decay, (1 + t) / (10 + t))`` after t steps. At a constant decay of 0.999, the weights after the first step
    would still be an eighth of the average after 2000 steps, and would ruin it; by this rule, that of TensorFlow's
    ``ExponentialMovingAverage(decay, num_updates)``, it never reaches further back than a share of the steps taken.
    Buffers, such as a batch norm's statistics, are those of the last step.

    Args:
        parameters: that a player moves.
        decay: in [0, 1), in the long run.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], decay: float) -> None:
        self.parameters = list(parameters)
        self.values = [p.detach().clone() for p in self.parameters]
        self.num_steps = 0
        self.decay = decay

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are after a step."""
        if self.num_steps == 0:
            _copy(self.values, self.parameters)
        else:
            decay = min(self.decay, (1 + self.num_steps) / (10 + self.num_steps))
            get_ema_multi_avg_fn(decay)(self.values, [p.detach() for p in self.parameters], self.num_steps)
        self.num_steps += 1

    @torch.no_grad()
    def apply(self) -> None:
        """Write the average into the parameters."""
        _copy(self.parameters, self.values)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The average in the parameters' place; afterwards they are what they were."""
        own = [p.detach().clone() for p in self.parameters]
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                _copy(self.parameters, own)

    def state(self) -> dict[str, Any]:
        """The averages, [...] as their parameters, and of how many steps they are."""
        return {"values": self.values, "num_steps": self.num_steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        self.num_steps = state["num_steps"]
        _copy(self.values, state["values"])


def _copy(to: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    for own, value in zip(to, values, strict=True):
        own.copy_(value)
