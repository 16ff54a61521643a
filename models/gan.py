"""The generative adversarial network: a sampler without a likelihood."""

from __future__ import annotations

__all__ = ["GAN"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, implicit, latent


class GAN(Model):
    """z ~ Normal(0, I);  x = sigmoid(generator(z)).

    Nothing gives p(x): the model is trained by ``Adversarial()``, through its draws alone.

    Reference: I. Goodfellow et al., "Generative adversarial nets", 2014 (arXiv 1406.2661); the convolutional
    generator follows A. Radford et al., "Unsupervised representation learning with deep convolutional generative
    adversarial networks", 2016 (arXiv 1511.06434).

    Fit with: no guide, ``ppgen.Adversarial()``: the defaults.

    Args:
        x_shape: shape of one data point, with values in [0, 1].
        latent_dim: size of z.
        hidden: widths of the generator, the data's end first; by default chosen from ``x_shape``.

    Example:
        >>> GAN(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(self, x_shape: Sequence[int], latent_dim: int = 32, hidden: Sequence[int] | None = None) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.generator = nets.decoder(latent_dim, x_shape, hidden)

    @latent
    def z(self) -> dist.TorchDistribution:
        """Where the generator's randomness comes from."""
        return dist.Normal(0.0, 1.0).expand_by([self.latent_dim]).to_event(1)

    @implicit
    def x(self, z: torch.Tensor) -> torch.Tensor:
        """The data, a deterministic function of z."""
        return self.generator(z).sigmoid()
