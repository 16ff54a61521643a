"""The variational autoencoder with an autoregressive decoder."""

from __future__ import annotations

__all__ = ["PixelVAE"]

from collections.abc import Sequence
from math import prod
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed
from ppgen.distributions import Autoregressive, conditionals


class PixelVAE(Model):
    """z ~ Normal(0, I);  x_i | z, x_0 .. x_{i-1} ~ likelihood(network(x, style(z))_i + map(z)_i), in raster order.

    The autoregressive part takes care of texture, and z is left with what pixels nearby cannot tell: where the ink
    lies, by a map of its own value for each pixel, and how it lies, by features that reach all pixels alike. With
    enough layers the network could model x alone and leave z unused, so it is kept shallow.

    Reference: I. Gulrajani et al., "PixelVAE: a latent variable model for natural images", 2017 (arXiv 1611.05013).

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        latent_dim: size of z.
        num_layers: gated layers of the PixelCNN.
        channels: of each of its stacks.
        kernel_size: of its first convolution, which bounds what it sees of the neighbourhood; odd.
        width: features of z.
        num_maps: numbers that z has for each pixel, from which what is added to its parameters is linear.
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
        num_maps: int = 2,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.latent_dim = tuple(x_shape), latent_dim
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape[:1])
        count = self.likelihood.shape[0]
        self.network = nets.GatedPixelCNN(
            self.x_shape, channels, num_layers, 3, kernel_size, width, num_parameters=count
        )
        self.mix = nn.Linear(num_maps, count, bias=False)
        self.features = nets.MLP(latent_dim, width + num_maps * prod(self.x_shape[1:]), hidden=(width,))

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the image is of."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @observed
    def x(self, z: torch.Tensor) -> Autoregressive:
        """The pixels, one after the other."""
        family = conditionals.OfPixel(self.likelihood)
        network = OnMaps(self.network, self.mix)
        return Autoregressive(network, self.x_shape, context=self.features(z), conditional=family)


class OnMaps:
    """A causal network, and added to its parameters a linear function of maps that come behind its own context.

    Args:
        network: with a context.
        mix: from the numbers that the maps have for a pixel to what is added to its parameters.
    """

    def __init__(self, network: nets.GatedPixelCNN, mix: nn.Linear) -> None:
        self.network, self.mix, self.parameters = network, mix, network.parameters

    def __call__(self, x: Tensor, *context: Tensor) -> Tensor:
        own, added = self._parts(*context)
        return self.network(x, own) + added

    def start(self, size: int, context: Tensor) -> tuple[Any, Tensor]:
        own, added = self._parts(context)
        return self.network.start(size, own), added.flatten(2)

    def step(self, state: tuple[Any, Tensor], previous: Tensor, position: int) -> tuple[Tensor, tuple[Any, Tensor]]:
        parameters, _ = self.network.step(state[0], previous, position)
        return parameters + state[1][..., position], state

    def _parts(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """The network's own context, and what is added to the parameters of all pixels."""
        own, maps = context.tensor_split([self.network.context_dim], -1)
        of_pixels = maps.unflatten(-1, (-1, *self.network.bias.shape[1:])).movedim(-3, -1)
        return own, self.mix(of_pixels).movedim(-1, -3)
