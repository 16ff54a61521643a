"""Conjugate pairs as declared models, with their evidence and posterior mean in closed form."""

from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from ppgen.declare import Model, latent, observed


class GammaPoisson(Model):
    """rate_d ~ Gamma(3, 1.5);  x_d | rate ~ Poisson(rate_d)."""

    shape, inverse_scale, dim = 3.0, 1.5, 2

    @latent
    def rate(self) -> dist.TorchDistribution:
        return dist.Gamma(self.shape, self.inverse_scale).expand([self.dim]).to_event(1)

    @observed
    def x(self, rate: Tensor) -> dist.TorchDistribution:
        return dist.Poisson(rate).to_event(1)

    def evidence(self, x: Tensor) -> Tensor:
        """Negative binomial: log p(x_i), [N]."""
        exact = dist.GammaPoisson(torch.tensor(self.shape).double(), torch.tensor(self.inverse_scale).double())
        return exact.log_prob(x.double()).sum(-1)


class BetaBernoulli(Model):
    """p ~ Beta(2, 3), a single number;  x_j | p ~ Bernoulli(p), eight times."""

    a, b, draws = 2.0, 3.0, 8

    @latent
    def p(self) -> dist.TorchDistribution:
        return dist.Beta(self.a, self.b)

    @observed
    def x(self, p: Tensor) -> dist.TorchDistribution:
        return dist.Bernoulli(p.unsqueeze(-1)).expand([*p.shape, self.draws]).to_event(1)

    def evidence(self, x: Tensor) -> Tensor:
        heads = x.double().sum(-1)
        return _log_beta(self.a + heads, self.b + self.draws - heads) - _log_beta(
            torch.tensor(self.a).double(), torch.tensor(self.b).double()
        )


class DirichletMultinomial(Model):
    """p ~ Dirichlet(2, 1.5, 1);  x | p ~ Multinomial(10, p)."""

    total = 10

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("alpha", torch.tensor([2.0, 1.5, 1.0]))

    @latent
    def p(self) -> dist.TorchDistribution:
        return dist.Dirichlet(self.alpha)

    @observed
    def x(self, p: Tensor) -> dist.TorchDistribution:
        return dist.Multinomial(self.total, p)


class SharedMean(Model):
    """mu ~ Normal(0, 2), one for all data;  z_i ~ Normal(0, 1/2);  x_i | mu, z_i ~ Normal(mu + z_i, 1), in two dims."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))  # so that there is something on a device

    @latent(local=False)
    def mu(self) -> dist.TorchDistribution:
        return dist.Normal(torch.zeros(2), 2.0).to_event(1)

    @latent
    def z(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 0.5).expand([2]).to_event(1)

    @observed
    def x(self, z: Tensor, mu: Tensor) -> dist.TorchDistribution:
        return dist.Normal(mu + z + 0 * self.anchor, 1.0).to_event(1)

    def evidence(self, x: Tensor) -> float:
        """log p(x_1 .. x_N) / N: each dim of x is jointly Normal with covariance ``5/4 I + 4 11^T``."""
        n = len(x)
        covariance = 1.25 * torch.eye(n, dtype=torch.float64) + 4.0
        joint = torch.distributions.MultivariateNormal(torch.zeros(n, dtype=torch.float64), covariance)
        return float(joint.log_prob(x.detach().double().T).sum() / n)

    def posterior_of_mu(self, x: Tensor) -> tuple[Tensor, float]:
        """Mean [2] and standard deviation of mu given all data."""
        precision = 1 / 4 + len(x) / 1.25
        return x.sum(0) / 1.25 / precision, math.sqrt(1 / precision)


class TwoLevels(Model):
    """z2 ~ Normal(0, I);  z1 | z2 ~ Normal(A z2, I/4);  x | z1 ~ Normal(B z1, I/4): a chain, all of it Gaussian."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.register_buffer("a", torch.randn(3, 2, generator=generator))
        self.register_buffer("b", torch.randn(5, 3, generator=generator))

    @latent
    def z2(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @latent
    def z1(self, z2: Tensor) -> dist.TorchDistribution:
        return dist.Normal(z2 @ self.a.T, 0.5).to_event(1)

    @observed
    def x(self, z1: Tensor) -> dist.TorchDistribution:
        return dist.Normal(z1 @ self.b.T, 0.5).to_event(1)

    def evidence(self, x: Tensor) -> Tensor:
        a, b = self.a.double(), self.b.double()
        inner = a @ a.T + 0.25 * torch.eye(3, dtype=torch.float64)
        covariance = b @ inner @ b.T + 0.25 * torch.eye(5, dtype=torch.float64)
        return torch.distributions.MultivariateNormal(torch.zeros(5).double(), covariance).log_prob(x.double())


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
