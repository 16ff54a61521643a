"""A path of states given a whole sequence: the structured inference network of a deep Markov model."""

from __future__ import annotations

__all__ = ["Smoother"]

import torch
from torch import Tensor, nn

from ppgen.distributions import Markov
from ppgen.nets.batching import over_batch
from ppgen.nets.gaussian import Gaussian
from ppgen.nets.labels import join
from ppgen.nets.mlp import MLP
from ppgen.nets.recorded import Recorded


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

    def __init__(self, x_dim: int, latent_dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.recurrent = nn.GRU(x_dim, hidden, batch_first=True)
        self.start = Gaussian(nn.Identity(), hidden, latent_dim)
        self.step = Gaussian(_Mix(latent_dim, hidden), hidden, latent_dim)

    def forward(self, x: Tensor) -> Markov:
        """The distribution of the path of states."""
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
