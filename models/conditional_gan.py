"""The conditional GAN: a sampler that is told what to draw, and a critic that is told what was asked for."""

from __future__ import annotations

__all__ = ["ConditionalGAN"]

from collections.abc import Sequence
from typing import Literal

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, implicit, latent


class ConditionalGAN(Model):
    """z ~ Normal(0, I);  x = output(generator(z, y)), with the label, attributes or caption y given.

    The game is about pairs: a critic of (x, y) sees that an image is no digit, and that it is not the digit that was
    asked for. ``ppgen.nets.ProjectionCritic`` and ``ppgen.nets.JoiningCritic`` are such critics.

    Reference: M. Mirza and S. Osindero, "Conditional generative adversarial nets", 2014 (arXiv 1411.1784), where y
    stands beside z; T. Miyato and M. Koyama, "cGANs with projection discriminator", 2018 (arXiv 1802.05637), where it
    modulates every stage.

    Fit with: no guide, ``ppgen.Adversarial(ppgen.nets.ProjectionCritic(x_shape, num_classes))``.

    Args:
        x_shape: shape of one data point.
        num_classes: labels are ``0 .. num_classes - 1``; where y is a vector of attributes, its length; with a
            ``context``, the size of what that returns.
        latent_dim: size of z.
        hidden: widths of the generator, the data's end first; by default chosen from ``x_shape``.
        output: the last activation: ``"sigmoid"`` for values in (0, 1), ``"tanh"`` for (-1, 1), ``"none"`` for any.
        told: ``"joined"``, y beside z; or, of images, ``"batch-norm"``, by conditional batch norm in every stage.
        context: a network that reads y, such as ``ppgen.nets.TextContext(vocabulary_size, num_classes)``.
        observation: a module from the generated values to a distribution of x, for a density.

    Example:
        >>> ConditionalGAN(x_shape=(1, 8, 8))({"y": torch.tensor([0, 1, 2])})["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        num_classes: int = 10,
        latent_dim: int = 32,
        hidden: Sequence[int] | None = None,
        output: Literal["sigmoid", "tanh", "none"] = "sigmoid",
        told: Literal["joined", "batch-norm"] = "joined",
        context: nn.Module | None = None,
        observation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.num_classes, self.latent_dim = num_classes, latent_dim
        self.context = context
        self.is_modulated = told == "batch-norm"
        self.generator = (
            nets.ModulatedDecoder(latent_dim, num_classes, x_shape, hidden)
            if self.is_modulated
            else nets.decoder(latent_dim + num_classes, x_shape, hidden)
        )
        self.output = nets.output_range(output)
        if observation is not None:
            self.observation = observation

    @latent
    def z(self) -> dist.TorchDistribution:
        """Style: what y leaves open."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @implicit
    def x(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The data, a deterministic function of style and what was asked for."""
        told = nets.as_context(y, self.num_classes) if self.context is None else self.context(y)
        return self.output(self.generator(z, told) if self.is_modulated else self.generator(nets.join(z, told)))
