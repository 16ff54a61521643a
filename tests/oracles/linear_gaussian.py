"""Probabilistic PCA as a declared model, with everything about it in closed form."""

from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from ppgen.declare import Model, latent, observed


class PPCA(Model):
    """z ~ Normal(0, I);  x | z ~ Normal(W z + b, s^2 I), with W, b and log s as parameters."""

    def __init__(self, latent_dim: int = 4, x_dim: int = 20, seed: int = 0, noise: float = 0.5) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.latent_dim = latent_dim
        self.weight = nn.Parameter(torch.randn(x_dim, latent_dim, generator=generator) * 0.7)
        self.bias = nn.Parameter(torch.randn(x_dim, generator=generator) * 0.5)
        self.log_scale = nn.Parameter(torch.tensor(math.log(noise)))

    @latent
    def z(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)

    @observed
    def x(self, z: Tensor) -> dist.TorchDistribution:
        return dist.Normal(z @ self.weight.T + self.bias, self.log_scale.exp()).to_event(1)


def frozen(model: PPCA) -> PPCA:
    """The model with its parameters fixed, so that a fit moves the guide alone."""
    return model.requires_grad_(False)


def marginal(model: PPCA) -> torch.distributions.MultivariateNormal:
    """p(x) = Normal(b, W W^T + s^2 I), in float64."""
    weight, bias, scale = _double(model)
    covariance = weight @ weight.T + scale**2 * torch.eye(len(bias), dtype=torch.float64)
    return torch.distributions.MultivariateNormal(bias, covariance)


def log_evidence(model: PPCA, x: Tensor) -> Tensor:
    """log p(x_i) for each row, [N]."""
    return marginal(model).log_prob(x.double())


def posterior(model: PPCA, x: Tensor) -> torch.distributions.MultivariateNormal:
    """p(z | x) = Normal(M^-1 W^T (x - b), s^2 M^-1) with M = W^T W + s^2 I, for each row."""
    weight, bias, scale = _double(model)
    m = weight.T @ weight + scale**2 * torch.eye(weight.shape[1], dtype=torch.float64)
    loc = torch.linalg.solve(m, weight.T @ (x.double() - bias).T).T
    return torch.distributions.MultivariateNormal(loc, covariance_matrix=scale**2 * torch.linalg.inv(m))


def maximum_likelihood(x: Tensor, latent_dim: int) -> float:
    """The largest mean log p(x) that any probabilistic PCA reaches (Tipping & Bishop, 1999, equation 8 and 9).

    With eigenvalues l_1 >= ... >= l_d of the sample covariance and s^2 the mean of the d - q smallest,
    ``log L / N = -(d log(2 pi) + sum_{j<=q} log l_j + (d - q) log s^2 + d) / 2``.
    """
    x = x.double()
    d = x.shape[1]
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    noise = eigenvalues[latent_dim:].mean()
    logs = eigenvalues[:latent_dim].log().sum() + (d - latent_dim) * noise.log()
    return float(-0.5 * (d * math.log(2 * math.pi) + logs + d))


def _double(model: PPCA) -> tuple[Tensor, Tensor, Tensor]:
    return model.weight.detach().double(), model.bias.detach().double(), model.log_scale.detach().double().exp()
