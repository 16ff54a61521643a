"""Bayesian factor analysis: what the data set shares is a latent variable too."""

from __future__ import annotations

__all__ = ["FactorAnalysis"]

import pyro.distributions as dist
import torch

from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class FactorAnalysis(Model):
    """W ~ Normal(0, 1), m ~ Normal(0, 3), s ~ LogNormal(-1, 1), once;  z ~ Normal(0, I), x | z ~ Normal(W z + m, s).

    Loadings W, location m and the noise s of each coordinate are global: one value for the whole data set, counted
    once however the data are cut into batches. Given them, z sums out: ``x ~ Normal(m, W W^T + diag(s^2))``. The
    model has no parameters: all there is to learn is a posterior. It is the same for W and for W R with any rotation
    R; a guide settles on one of them.

    Reference: Z. Ghahramani and M. Beal, "Variational inference for Bayesian mixtures of factor analysers", 2000; the
    model with parameters in place of priors is D. Rubin and D. Thayer, "EM algorithms for ML factor analysis", 1982.

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        x_dim: size of one data point.
        latent_dim: number of factors.

    Example:
        >>> FactorAnalysis(x_dim=5)(size=3)["x"].shape
        torch.Size([3, 5])
    """

    @checked
    def __init__(self, x_dim: int, latent_dim: int = 2) -> None:
        super().__init__()
        self.x_dim, self.latent_dim = x_dim, latent_dim

    @latent(local=False)
    def loadings(self) -> dist.TorchDistribution:
        """How each coordinate answers to each factor, ``[x_dim, latent_dim]``."""
        return dist.Normal(0.0, 1.0).expand_by([self.x_dim, self.latent_dim]).to_event(2)

    @latent(local=False)
    def location(self) -> dist.TorchDistribution:
        """Where the data lie, ``[x_dim]``."""
        return dist.Normal(0.0, 3.0).expand_by([self.x_dim]).to_event(1)

    @latent(local=False)
    def noise(self) -> dist.TorchDistribution:
        """The standard deviation of each coordinate that no factor explains, ``[x_dim]``."""
        return dist.LogNormal(-1.0, 1.0).expand_by([self.x_dim]).to_event(1)

    @latent
    def z(self) -> dist.TorchDistribution:
        """The factors of one data point."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @observed
    def x(
        self, loadings: torch.Tensor, location: torch.Tensor, noise: torch.Tensor, z: torch.Tensor
    ) -> dist.TorchDistribution:
        """The data, around a plane through the location."""
        plane = (loadings @ z.unsqueeze(-1)).squeeze(-1)
        return dist.Normal(location + plane, noise).to_event(1)
