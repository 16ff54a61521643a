"""Where a state goes next: the gated transition of a deep Markov model."""

from __future__ import annotations

__all__ = ["GatedTransition"]

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ppgen.nets.gaussian import SMALLEST_SCALE, SOFTPLUS_ONE
from ppgen.nets.mlp import MLP
from ppgen.nets.recorded import Recorded


class GatedTransition(Recorded):
    """``z' ~ Normal((1 - g) (W z + b) + g h, softplus(V silu(h) + c))``, ``g = sigmoid(gate(z))``, ``h = proposal(z)``.

    The gate chooses, coordinate by coordinate, between a linear move and a nonlinear one. The linear one starts as
    the identity: a state stays where it is until the data say otherwise.

    Reference: R. Krishnan, U. Shalit and D. Sontag, "Structured inference networks for nonlinear state space models",
    2017 (arXiv 1609.09869).

    Args:
        dim: size of the state z.
        hidden: width of gate and proposal.

    Shapes:
        ``[*batch, dim]`` -> a distribution with batch shape ``[*batch]`` and event shape ``[dim]``.

    Example:
        >>> GatedTransition(3)(torch.zeros(5, 3)).rsample().shape
        torch.Size([5, 3])
    """

    def __init__(self, dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.gate = MLP(dim, dim, hidden=(hidden,))
        self.proposal = MLP(dim, dim, hidden=(hidden,))
        self.linear = nn.Linear(dim, dim)
        self.spread = nn.Linear(dim, dim)
        with torch.no_grad():
            nn.init.eye_(self.linear.weight)
            self.linear.bias.zero_()

    def forward(self, z: Tensor) -> Any:
        """The distribution of the next state."""
        gate, proposal = self.gate(z).sigmoid(), self.proposal(z)
        loc = (1.0 - gate) * self.linear(z) + gate * proposal
        scale = softplus(self.spread(nn.functional.silu(proposal)) + SOFTPLUS_ONE) + SMALLEST_SCALE
        return dist.Normal(loc, scale).to_event(1)
