"""The variational autoencoder whose latent space is made of clusters."""

from __future__ import annotations

__all__ = ["MixtureVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import nn
from torch.nn.functional import softplus

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class MixtureVAE(Model):
    """c ~ Categorical(pi);  z | c ~ Normal(mu_c, sigma_c);  x | z ~ likelihood(decoder(z)).

    The cluster c is summed out exactly, so that q(c | x), a clustering, is learned by plain gradients. It is called c
    and not y, so that labels in the data stay unseen.

    Reference: N. Dilokthanakul et al., "Deep unsupervised clustering with Gaussian mixture variational autoencoders",
    2017 (arXiv 1611.02648); Z. Jiang et al., "Variational deep embedding", 2017 (arXiv 1611.05148), whose generative
    story this is.

    Fit with: ``ppgen.guides.Clustered(model, posterior)``, ``ppgen.ELBO()``; posterior is a network such as
    ``nets.Gaussian(nets.encoder(x_shape, 128), 128, latent_dim)``.

    Args:
        x_shape: shape of one data point.
        num_clusters: values of c.
        latent_dim: size of z.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> MixtureVAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        num_clusters: int = 10,
        latent_dim: int = 16,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        self.logits = nn.Parameter(torch.zeros(num_clusters))
        # Far enough apart that a draw tells which cluster it is from: clusters that begin mixed tend to stay mixed.
        self.loc = nn.Parameter(torch.randn(num_clusters, latent_dim) * 4.0 / latent_dim**0.5)
        self.raw_scale = nn.Parameter(torch.full((num_clusters, latent_dim), 0.5413))  # softplus: 1
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(latent_dim, self.likelihood.shape, hidden)

    @latent
    def c(self) -> dist.TorchDistribution:
        """Which cluster."""
        return dist.Categorical(logits=self.logits)

    @latent
    def z(self, c: torch.Tensor) -> dist.TorchDistribution:
        """Where in the cluster."""
        return dist.Normal(self.loc[c], softplus(self.raw_scale)[c]).to_event(1)

    @observed
    def x(self, z: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given z."""
        return self.likelihood(self.decoder(z))
