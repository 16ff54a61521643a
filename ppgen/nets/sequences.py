"""Networks over sequences: a two-way reader, a gated transition, and the smoother of a deep Markov model."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.distributions import Markov
from ppgen.nets.layers import MLP, SMALLEST_SCALE, SOFTPLUS_ONE, Gaussian, join, over_batch

__all__ = ["GatedTransition", "SequenceEncoder", "Smoother"]


class SequenceEncoder(Recorded):
    """A recurrent network in both directions beside one affine map: ``features = silu(V h + c) + W x + b``.

    h holds the states of all steps, so that what happened when is not lost. The affine path is there because the
    posterior mean of a linear-Gaussian state space model, the Kalman smoother's, is affine in x.

    Args:
        event_shape: ``(T, dim)``, length of a sequence and size of one observation.
        out_features: how many features.
        hidden: states of the recurrent network in each direction.

    Shapes:
        ``[*batch, T, dim] -> [*batch, out_features]``

    Example:
        >>> SequenceEncoder((7, 2), 64)(torch.zeros(5, 7, 2)).shape
        torch.Size([5, 64])
    """

    @checked
    def __init__(self, event_shape: tuple[int, int], out_features: int, hidden: int = 32) -> None:
        super().__init__()
        length, dim = event_shape
        self.recurrent = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.mix = nn.Linear(2 * hidden * length, out_features)
        self.affine = nn.Linear(dim * length, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """The features ``[*batch, out_features]`` of sequences ``[*batch, T, dim]``."""
        states = over_batch(lambda flat: self.recurrent(flat)[0], x, event_dim=2)
        return torch.nn.functional.silu(self.mix(states.flatten(-2))) + self.affine(x.flatten(-2))


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

    @checked
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
        """The distribution of the next state, batch ``[*batch]``, given the states ``z`` ``[*batch, dim]``."""
        gate, proposal = self.gate(z).sigmoid(), self.proposal(z)
        loc = (1.0 - gate) * self.linear(z) + gate * proposal
        scale = softplus(self.spread(nn.functional.silu(proposal)) + SOFTPLUS_ONE) + SMALLEST_SCALE
        return dist.Normal(loc, scale).to_event(1)


class Smoother(Recorded):
    """``q(z | x) = prod_t Normal(z_t | z_{t-1}, x_t .. x_T)``, a network that returns a distribution over paths.

    A recurrent network reads the sequence from its end, so that its state at t knows the present and the future; the
    past reaches z_t through z_{t-1}. That is all that the true posterior of a Markov model depends on.

    Reference: R. Krishnan, U. Shalit and D. Sontag, "Structured inference networks for nonlinear state space models",
    2017 (arXiv 1609.09869), there called DKS, the deep Kalman smoother.

    Args:
        x_dim: size of one observation.
        latent_dim: size of one state.
        hidden: of the recurrent network, and of the map from its state to a Gaussian.

    Shapes:
        ``[*batch, T, x_dim]`` -> a distribution with batch shape ``[*batch]`` and event shape ``[T, latent_dim]``.

    Example:
        >>> Smoother(2, 3)(torch.zeros(5, 7, 2)).rsample().shape
        torch.Size([5, 7, 3])
    """

    @checked
    def __init__(self, x_dim: int, latent_dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.recurrent = nn.GRU(x_dim, hidden, batch_first=True)
        self.start = Gaussian(nn.Identity(), hidden, latent_dim)
        self.step = Gaussian(_Mix(latent_dim, hidden), hidden, latent_dim)

    def forward(self, x: Tensor) -> Markov:
        """The distribution of the path of states, given observations ``x`` ``[*batch, T, x_dim]``."""
        future = over_batch(self._backwards, x, event_dim=2)
        return Markov(self.start(future[..., 0, :]), self.step, x.shape[-2], future[..., 1:, :])

    def _backwards(self, x: Tensor) -> Tensor:
        return self.recurrent(x.flip(1))[0].flip(1)


class _Mix(nn.Module):
    """The last state and what is known of the future, mixed into features."""

    def __init__(self, latent_dim: int, hidden: int) -> None:
        super().__init__()
        self.net = MLP(latent_dim + hidden, hidden, hidden=(hidden,))

    def forward(self, z: Tensor, future: Tensor) -> Tensor:
        return torch.nn.functional.silu(self.net(join(z, future)))
