"""The variational autoencoder whose prior is a normalizing flow."""

from __future__ import annotations

__all__ = ["FlowPriorVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class FlowPriorVAE(Model):
    """z ~ flow, an invertible map of Normal(0, I);  x | z ~ likelihood(decoder(z)).

    A flow takes the shape of the averaged posterior, so that draws of the prior land where the decoder was trained.

    Reference: X. Chen et al., "Variational lossy autoencoder", 2017 (arXiv 1611.02731); the flow is masked
    autoregressive, G. Papamakarios, T. Pavlakou and I. Murray, 2017 (arXiv 1705.07057).

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        x_shape: shape of one data point.
        latent_dim: size of z, at least 2.
        num_transforms: how many maps the flow stacks.
        width: of the networks in the flow.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> FlowPriorVAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dim: int = 16,
        num_transforms: int = 3,
        width: int = 64,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        self.flow = nets.Flow(latent_dim, num_transforms=num_transforms, hidden=(width, width))
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(latent_dim, self.likelihood.shape, hidden)

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the image is of."""
        return self.flow()

    @observed
    def x(self, z: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given z."""
        return self.likelihood(self.decoder(z))
