"""The variational autoencoder for binary data."""

from __future__ import annotations

__all__ = ["VAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class VAE(Model):
    """z ~ Normal(0, I);  x | z ~ Bernoulli(decoder(z)).

    A beta-VAE is this model with another objective, ``ELBO(beta=4.0)``, not another model.

    Reference: D. Kingma and M. Welling, "Auto-encoding variational Bayes", 2014 (arXiv 1312.6114).

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        x_shape: shape of one data point.
        latent_dim: size of z.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.

    Example:
        >>> VAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(self, x_shape: Sequence[int], latent_dim: int = 16, hidden: Sequence[int] | None = None) -> None:
        super().__init__()
        self.x_shape, self.latent_dim = tuple(x_shape), latent_dim
        self.decoder = nets.decoder(latent_dim, x_shape, hidden)

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the image is of."""
        return dist.Normal(0.0, 1.0).expand_by([self.latent_dim]).to_event(1)

    @observed
    def x(self, z: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given z."""
        return dist.Bernoulli(logits=self.decoder(z)).to_event(len(self.x_shape))
