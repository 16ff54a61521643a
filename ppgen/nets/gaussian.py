"""Networks that return a Gaussian."""

from __future__ import annotations

__all__ = ["Gaussian"]

from typing import Any

import pyro.distributions as dist
from torch import Tensor, nn
from torch.nn.functional import softplus

from ppgen.nets.recorded import Recorded

SOFTPLUS_ONE = 0.5413248546  # softplus of this is 1: an output of 0 is the scale 1
SMALLEST_SCALE = 1e-3  # a scale that collapses would make the log-density unbounded


class Gaussian(Recorded):
    """``Normal(W h + b, softplus(V h + c))`` with ``h = body(inputs)``, independent over its coordinates.

    Args:
        body: a network from the inputs to features ``[*batch, num_features]``.
        num_features: how many it returns.
        dim: size of the Gaussian's event.

    Shapes:
        The body's inputs -> a distribution with batch shape ``[*batch]`` and event shape ``[dim]``.

    Example:
        >>> import torch
        >>> Gaussian(nn.Tanh(), 3, 2)(torch.zeros(5, 3)).rsample().shape
        torch.Size([5, 2])
    """

    def __init__(self, body: nn.Module, num_features: int, dim: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(num_features, 2 * dim)

    def forward(self, *inputs: Tensor) -> Any:
        """The distribution given the inputs."""
        loc, raw = self.head(self.body(*inputs)).chunk(2, -1)
        return dist.Normal(loc, softplus(raw + SOFTPLUS_ONE) + SMALLEST_SCALE).to_event(1)
