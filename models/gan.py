"""The generative adversarial network: a sampler without a likelihood."""

from __future__ import annotations

__all__ = ["GAN"]

from collections.abc import Sequence
from typing import Literal

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, implicit, latent


class GAN(Model):
    """z ~ Normal(0, I);  x = output(generator(z)), where the output's range is that of the data.

    Nothing gives p(x): the model is trained by ``Adversarial()``, through its draws alone. With an ``observation``,
    x is drawn from a distribution around the generated value, and the model is a latent-variable model with a density:
    ``fit.with_noise()`` makes one of a trained sampler, with an encoder (Wu et al., 2017, arXiv 1611.04273).

    Reference: I. Goodfellow et al., "Generative adversarial nets", 2014 (arXiv 1406.2661); the convolutional
    generator follows A. Radford et al., "Unsupervised representation learning with deep convolutional generative
    adversarial networks", 2016 (arXiv 1511.06434).

    Fit with: no guide, ``ppgen.Adversarial()``: the defaults.

    Args:
        x_shape: shape of one data point.
        latent_dim: size of z.
        hidden: widths of the generator, the data's end first; by default chosen from ``x_shape``.
        output: the last activation: ``"sigmoid"`` for values in (0, 1), ``"tanh"`` for (-1, 1), ``"none"`` for any.
        generator: a network from z to values of the data's shape, in place of the usual one and of ``hidden``.
        observation: a module from the generated values to a distribution of x, such as
            ``ppgen.nets.NormalNoise(x_shape, 0.1)``.

    Example:
        >>> GAN(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dim: int = 32,
        hidden: Sequence[int] | None = None,
        output: Literal["sigmoid", "tanh", "none"] = "sigmoid",
        observation: nn.Module | None = None,
        generator: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.generator = nets.decoder(latent_dim, x_shape, hidden) if generator is None else generator
        self.output = nets.output_range(output)
        if observation is not None:
            self.observation = observation

    @latent
    def z(self) -> dist.TorchDistribution:
        """Where the generator's randomness comes from."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @implicit
    def x(self, z: torch.Tensor) -> torch.Tensor:
        """The data, a deterministic function of z."""
        return self.output(self.generator(z))
