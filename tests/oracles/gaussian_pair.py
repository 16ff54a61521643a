"""A linear-Gaussian model and a factorised Gaussian guide, with the bound and its gradient in closed form."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import torch
from pyro.distributions.testing.fakes import NonreparameterizedNormal
from torch import Tensor, nn

from ppgen.declare import Guide, Model, latent, observed

__all__ = ["Linear", "LinearGuide", "elbo", "exact_guide", "log_evidence", "sleep_loss", "z_scores"]


class Linear(Model):
    """z ~ Normal(0, I);  x | z ~ Normal(W z, s^2 I)."""

    def __init__(self, x_dim: int = 3, z_dim: int = 2, noise: float = 0.7) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.z_dim, self.noise = z_dim, noise
        self.weight = nn.Parameter(torch.randn(x_dim, z_dim, generator=generator, dtype=torch.get_default_dtype()))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([self.z_dim]).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ self.weight.T, self.noise).to_event(1)


class LinearGuide(Guide):
    """z | x ~ Normal(G x, diag(exp(r))^2); with ``has_path=False`` its draws hide their parameters."""

    def __init__(self, model: Linear, off: float = 0.0, has_path: bool = True) -> None:
        super().__init__()
        covariance = _posterior_covariance(model)
        gain = covariance @ model.weight.detach().T / model.noise**2
        self.gain = nn.Parameter(gain + off)
        self.raw = nn.Parameter(-0.5 * torch.linalg.inv(covariance).diagonal().log() + off)
        self.normal = dist.Normal if has_path else NonreparameterizedNormal

    @latent
    def z(self, x: Tensor) -> Any:
        return self.normal(x @ self.gain.T, self.raw.exp()).to_event(1)


class _Exact(Guide):
    def __init__(self, model: Linear) -> None:
        super().__init__()
        covariance = _posterior_covariance(model)
        self.gain = nn.Parameter(covariance @ model.weight.detach().T / model.noise**2)
        self.tril = nn.Parameter(torch.linalg.cholesky(covariance))

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.MultivariateNormal(x @ self.gain.T, scale_tril=self.tril.tril())


def exact_guide(model: Linear) -> Guide:
    """The posterior itself."""
    return _Exact(model)


def log_evidence(model: Linear, x: Tensor) -> Tensor:
    """log p(x), [N]; differentiable."""
    covariance = model.weight @ model.weight.T + model.noise**2 * torch.eye(len(model.weight))
    return dist.MultivariateNormal(torch.zeros(len(model.weight)), covariance).log_prob(x)


def elbo(model: Linear, guide: LinearGuide, x: Tensor) -> Tensor:
    """The ELBO of every datum, [N]: exact and differentiable."""
    mean, variance = x @ guide.gain.T, (2 * guide.raw).exp()
    spread = (model.weight**2 * variance).sum()
    error = ((x - mean @ model.weight.T) ** 2).sum(-1) + spread
    log_lik = -0.5 * error / model.noise**2 - x.shape[1] * (0.5 * math.log(2 * math.pi) + math.log(model.noise))
    kl = 0.5 * (variance + mean**2 - 1 - 2 * guide.raw).sum(-1)
    return log_lik - kl


def sleep_loss(model: Linear, guide: LinearGuide) -> Tensor:
    """``-E_p(x, z)[log q(z | x)]``: exact and differentiable."""
    weight, gain = model.weight, guide.gain
    cov_x = weight @ weight.T + model.noise**2 * torch.eye(len(weight))
    cross = gain @ weight
    error = (torch.eye(len(gain)) - cross - cross.T + gain @ cov_x @ gain.T).diagonal()
    return (0.5 * error / (2 * guide.raw).exp() + guide.raw + 0.5 * math.log(2 * math.pi)).sum()


def z_scores(draws: Tensor, exact: Tensor) -> Tensor:
    """Distance of the mean of draws [n, D] from the exact value, in standard errors: [D]."""
    return (draws.mean(0) - exact).abs() / (draws.std(0) / len(draws) ** 0.5 + 1e-12)  # some have no noise


def _posterior_covariance(model: Linear) -> Tensor:
    weight = model.weight.detach()
    return torch.linalg.inv(torch.eye(weight.shape[1]) + weight.T @ weight / model.noise**2)
