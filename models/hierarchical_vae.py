"""The variational autoencoder with two stochastic layers."""

from __future__ import annotations

__all__ = ["HierarchicalVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class HierarchicalVAE(Model):
    """z2 ~ Normal(0, I);  z1 | z2 ~ Normal(mu(z2), sigma(z2));  x | z1 ~ likelihood(decoder(z1)).

    The posterior couples the layers, ``p(z1, z2 | x) = p(z1 | x) p(z2 | z1)``, which a guide that factorises over them
    cannot follow; one along the inverse graph, ``ppgen.guides.Structured(model)``, can.

    Reference: D. Rezende, S. Mohamed and D. Wierstra, "Stochastic backpropagation and approximate inference in deep
    generative models", 2014 (arXiv 1401.4082); Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted
    autoencoders", 2016 (arXiv 1509.00519), where two layers are compared with one.

    Fit with: ``ppgen.guides.Structured(model)``, ``ppgen.ELBO(warmup=5.0)``.

    Args:
        x_shape: shape of one data point.
        latent_dims: sizes of z1 and z2, the data's end first.
        width: of the network between the layers.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> HierarchicalVAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dims: tuple[int, int] = (16, 8),
        width: int = 128,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        z1_dim, self.z2_dim = latent_dims
        self.conditional = nets.Gaussian(nets.encoder((self.z2_dim,), width, (width,)), width, z1_dim)
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(z1_dim, self.likelihood.shape, hidden)

    @latent
    def z2(self) -> dist.TorchDistribution:
        """What the image is of, in the large."""
        return dist.Normal(torch.zeros(self.z2_dim), torch.ones(self.z2_dim)).to_event(1)

    @latent
    def z1(self, z2: torch.Tensor) -> dist.TorchDistribution:
        """How it looks, given what it is of."""
        return self.conditional(z2)

    @observed
    def x(self, z1: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given z1."""
        return self.likelihood(self.decoder(z1))
