"""A mixture of linear-Gaussian models, with its joint density by class in closed form."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from ppgen.declare import Model, latent, observed

__all__ = ["Mixture"]


class Mixture(Model):
    """y ~ Categorical;  z | y ~ Normal(mu_y, 1);  x | z ~ Normal(W z, 0.7)."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(2 * torch.randn(3, 2))
        self.weight = nn.Parameter(torch.randn(4, 2))

    @latent
    def y(self) -> Any:
        return dist.Categorical(torch.ones(3))

    @latent
    def z(self, y: Tensor) -> Any:
        return dist.Normal(self.loc[y], 1.0).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ self.weight.T, 0.7).to_event(1)

    def log_joint(self, x: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + 0.49 * torch.eye(4)
        return torch.stack(
            [
                dist.MultivariateNormal(m @ self.weight.T, covariance).log_prob(x) - torch.tensor(3.0).log()
                for m in self.loc
            ],
            -1,
        )
