"""The classical autoencoder, seen as a probabilistic model with a guide that is a point."""

from __future__ import annotations

__all__ = ["Autoencoder"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class Autoencoder(Model):
    """z ~ Normal(0, I);  x | z ~ Normal(decoder(z), scale).

    With the guide ``Delta`` and ``ELBO(beta=0)`` only the distortion is left, which at scale ``sqrt(1/2)`` is the
    squared error and a constant: ``-log p(x | z) = |x - decoder(z)|^2 + (D / 2) log pi``. With beta above 0 the
    prior's term returns as weight decay on the code, ``|z|^2 / 2``: maximum a posteriori.

    Reference: G. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006.

    Fit with: ``ppgen.guides.Delta(model)``, ``ppgen.ELBO(beta=0.0)``.

    Args:
        x_shape: shape of one data point.
        latent_dim: size of the code.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        scale: standard deviation of the likelihood.

    Example:
        >>> Autoencoder(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dim: int = 16,
        hidden: Sequence[int] | None = None,
        scale: float = 0.5**0.5,
    ) -> None:
        super().__init__()
        self.x_shape, self.latent_dim, self.scale = tuple(x_shape), latent_dim, scale
        self.decoder = nets.decoder(latent_dim, x_shape, hidden)

    @latent
    def z(self) -> dist.TorchDistribution:
        """The code."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @observed
    def x(self, z: torch.Tensor) -> dist.TorchDistribution:
        """The data, around what the code decodes to."""
        return dist.Normal(self.decoder(z), self.scale).to_event(len(self.x_shape))
