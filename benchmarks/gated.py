"""The networks of the VampPrior paper on MNIST, two gated layers each way, and the plain VAE made of them."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
from torch import Tensor, nn

import ppgen
from ppgen import nets

__all__ = ["X_SHAPE", "GatedVAE", "gated_decoder", "gated_encoder"]

X_SHAPE = (1, 28, 28)


class GatedVAE(ppgen.Model):
    """z ~ Normal(0, I);  x | z ~ Bernoulli(decoder(z))."""

    def __init__(self, latent_dim: int, width: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.decoder = gated_decoder(latent_dim, width)

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Bernoulli(logits=self.decoder(z)).to_event(3)


def gated_decoder(in_features: int, width: int) -> nn.Module:
    """``[batch, in_features] -> [batch, 1, 28, 28]``, logits."""
    body = nets.GatedMLP([(in_features,)], (width, width))
    return nn.Sequential(body, nn.Linear(width, 784), nn.Unflatten(-1, X_SHAPE))


def gated_encoder(latent_dim: int, width: int) -> nn.Module:
    """``[batch, 1, 28, 28]`` -> the Gaussian of z."""
    return nets.Gaussian(nets.GatedMLP([X_SHAPE], (width, width)), width, latent_dim)
