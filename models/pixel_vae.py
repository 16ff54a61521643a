"""The variational autoencoder with an autoregressive decoder."""

from __future__ import annotations

__all__ = ["PixelVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed
from ppgen.distributions import Autoregressive, conditionals


class PixelVAE(Model):
    """z ~ Normal(0, I);  x_i | z, x_0 .. x_{i-1} ~ likelihood(network(x, features(z))_i), pixels in raster order.

    The autoregressive part takes care of texture, and z is left with what pixels nearby cannot tell. With enough
    layers it could model x alone and leave z unused, so the network is kept shallow. The features of z reach all
    pixels alike; in the paper they are upsampled to a map.

    Reference: I. Gulrajani et al., "PixelVAE: a latent variable model for natural images", 2017 (arXiv 1611.05013).

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        latent_dim: size of z.
        num_layers: gated layers of the PixelCNN.
        channels: of each of its stacks.
        kernel_size: of its first convolution, which bounds what it sees of the neighbourhood; odd.
        width: features of z.
        likelihood: of one pixel, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.

    Example:
        >>> PixelVAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dim: int = 16,
        num_layers: int = 2,
        channels: int = 32,
        kernel_size: int = 5,
        width: int = 128,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.latent_dim = tuple(x_shape), latent_dim
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape[:1])
        self.features = nets.MLP(latent_dim, width, hidden=(width,))
        count = self.likelihood.shape[0]
        self.network = nets.GatedPixelCNN(
            self.x_shape, channels, num_layers, 3, kernel_size, width, num_parameters=count
        )

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the image is of."""
        return dist.Normal(0.0, 1.0).expand_by([self.latent_dim]).to_event(1)

    @observed
    def x(self, z: torch.Tensor) -> Autoregressive:
        """The pixels, one after the other."""
        family = conditionals.OfPixel(self.likelihood)
        return Autoregressive(self.network, self.x_shape, context=self.features(z), conditional=family)
