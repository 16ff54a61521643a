"""The variational autoencoder."""

from __future__ import annotations

__all__ = ["VAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class VAE(Model):
    """z ~ Normal(0, I);  x | z ~ likelihood(decoder(z)).

    A beta-VAE is this model with another objective, ``ELBO(beta=4.0)``, not another model.

    Reference: D. Kingma and M. Welling, "Auto-encoding variational Bayes", 2014 (arXiv 1312.6114).

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        x_shape: shape of one data point.
        latent_dim: size of z.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> VAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dim: int = 16,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.latent_dim = tuple(x_shape), latent_dim
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(latent_dim, self.likelihood.shape, hidden)

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the image is of."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @observed
    def x(self, z: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given z."""
        return self.likelihood(self.decoder(z))
