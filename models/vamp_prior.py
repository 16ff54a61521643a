"""The variational autoencoder whose prior is a mixture of its own posteriors."""

from __future__ import annotations

__all__ = ["VampPriorVAE"]

from collections.abc import Sequence
from math import prod

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.declare import Model, latent, observed
from ppgen.distributions import EqualMixture


class VampPriorVAE(Model):
    """z ~ 1/K sum_k posterior(z | u_k);  x | z ~ Bernoulli(decoder(z)), with learned pseudo-inputs u_1 .. u_K.

    The prior that maximises the ELBO is the posterior averaged over the data; K learned images stand for the data. So
    the model holds the network that the guide uses: ``ppgen.guides.Amortized(model.posterior)``. The fit is a little
    faster from images of the data: ``model.pseudo_inputs.start_at(x[:K])``.

    Reference: J. Tomczak and M. Welling, "VAE with a VampPrior", 2018 (arXiv 1705.07120).

    Args:
        x_shape: shape of one data point.
        latent_dim: size of z.
        num_components: K.
        hidden: widths of the gated layers, the data's end first.

    Example:
        >>> VampPriorVAE(x_shape=(1, 8, 8), latent_dim=3, num_components=10)(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dim: int = 40,
        num_components: int = 500,
        hidden: Sequence[int] = (300, 300),
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        self.posterior = nets.Gaussian(nets.GatedMLP([self.x_shape], hidden), hidden[-1], latent_dim)
        self.decoder = nn.Sequential(
            nets.GatedMLP([(latent_dim,)], hidden[::-1]),
            nn.Linear(hidden[0], prod(self.x_shape)),
            nn.Unflatten(-1, self.x_shape),
        )
        self.pseudo_inputs = nets.PseudoInputs(num_components, self.x_shape)

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the image is of: like one of the pseudo-inputs."""
        return EqualMixture(self.posterior(self.pseudo_inputs()))

    @observed
    def x(self, z: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given z."""
        return dist.Bernoulli(logits=self.decoder(z)).to_event(len(self.x_shape))
