"""The deep Markov model: sequences from a path of latent states."""

from __future__ import annotations

__all__ = ["DeepMarkovModel"]

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed
from ppgen.distributions import Markov


class DeepMarkovModel(Model):
    """z_1 ~ Normal(a, b), z_t | z_{t-1} ~ transition(z_{t-1});  x_t | z_t ~ emission(z_t), t = 1 .. T.

    A nonlinear state space model. The path z is one site with events ``[T, latent_dim]``, so any guide over vectors
    applies; the one below knows of time.

    Reference: R. Krishnan, U. Shalit and D. Sontag, "Structured inference networks for nonlinear state space models",
    2017 (arXiv 1609.09869).

    Fit with: ``ppgen.guides.NetworkGuide(ppgen.nets.Smoother(x_dim, latent_dim))``, ``ppgen.ELBO()``.

    Covariates:
        x_lengths: ``[batch]``, how many steps of each sequence are its own; left out where all are.

    Args:
        x_shape: ``(T, x_dim)``, length of a sequence and size of one observation.
        latent_dim: size of one state.
        hidden: width of transition and emission.
        likelihood: of one observation; default: a Gaussian whose mean and scale the state gives.

    Example:
        >>> DeepMarkovModel(x_shape=(7, 2))(size=3)["x"].shape
        torch.Size([3, 7, 2])
    """

    @checked
    def __init__(
        self,
        x_shape: tuple[int, int],
        latent_dim: int = 8,
        hidden: int = 64,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.length, x_dim = x_shape
        self.start_loc = nn.Parameter(torch.zeros(latent_dim))
        self.start_log_scale = nn.Parameter(torch.zeros(latent_dim))
        self.transition = nets.GatedTransition(latent_dim, hidden)
        if likelihood is None:
            self.emission: nn.Module = nets.Gaussian(nets.encoder((latent_dim,), hidden, (hidden,)), hidden, x_dim)
        else:
            self.emission = nn.Sequential(nets.decoder(latent_dim, likelihood.shape, (hidden,)), likelihood)

    @latent
    def z(self) -> Markov:
        """The path of states, ``[T, latent_dim]``."""
        start = dist.Normal(self.start_loc, self.start_log_scale.exp()).to_event(1)
        return Markov(start, self.transition, self.length)

    @observed
    def x(self, z: torch.Tensor, x_lengths: torch.Tensor | None = None) -> dist.TorchDistribution:
        """The sequence, each observation from the state of its time; what stands behind its end has no density."""
        if x_lengths is None:
            return self.emission(z).to_event(1)
        is_own = torch.arange(self.length, device=x_lengths.device) < x_lengths.unsqueeze(-1)
        return self.emission(z).mask(is_own).to_event(1)
