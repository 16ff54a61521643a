"""A linear-Gaussian state space model, and its likelihood by the Kalman filter."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

from ppgen.declare import Model, latent, observed
from ppgen.distributions import Markov

__all__ = ["LinearStates"]


class LinearStates(Model):
    """z_1 ~ Normal(0, I), z_t ~ Normal(A z_{t-1}, 0.5);  x_t ~ Normal(B z_t, 0.7), t = 1 .. T."""

    def __init__(self, length: int = 5) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("a", torch.tensor([[0.8, -0.4], [0.4, 0.8]]))
        self.register_buffer("b", torch.tensor([[1.0, 0.0], [0.5, 1.0], [0.0, -1.0]]))

    @latent
    def z(self) -> Any:
        start = dist.Normal(torch.zeros(2), 1.0).to_event(1)
        return Markov(start, lambda z: dist.Normal(z @ self.a.T, 0.5).to_event(1), self.length)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ self.b.T, 0.7).to_event(2)

    def log_prob(self, x: Tensor) -> Tensor:
        """``log p(x_1 .. x_T) = sum_t log p(x_t | x_1 .. x_{t-1})`` of each sequence, [N] (Kalman, 1960)."""
        mean, covariance, total = torch.zeros(len(x), 2), torch.eye(2), torch.zeros(len(x))
        for step in range(self.length):
            if step:
                mean, covariance = mean @ self.a.T, self.a @ covariance @ self.a.T + 0.25 * torch.eye(2)
            spread = self.b @ covariance @ self.b.T + 0.49 * torch.eye(3)
            surprise = x[:, step] - mean @ self.b.T
            total = total + torch.distributions.MultivariateNormal(torch.zeros(3), spread).log_prob(surprise)
            gain = covariance @ self.b.T @ torch.linalg.inv(spread)
            mean, covariance = mean + surprise @ gain.T, covariance - gain @ self.b @ covariance
        return total
