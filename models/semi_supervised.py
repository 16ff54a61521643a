"""The variational autoencoder with labels that are mostly missing."""

from __future__ import annotations

__all__ = ["SemiSupervisedVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.declare import Model, latent, observed


class SemiSupervisedVAE(Model):
    """y ~ Categorical(1/C);  z ~ Normal(0, I);  x | y, z ~ Bernoulli(decoder(y, z)).

    One declaration for both kinds of data: where the batch has a label, y is observed; where it says -1, y is latent
    and summed out. A derived guide's ``q(y | x)`` is the classifier.

    Reference: D. Kingma et al., "Semi-supervised learning with deep generative models", 2014 (arXiv 1406.5298),
    model M2.

    Args:
        x_shape: shape of one data point.
        num_classes: labels are ``0 .. num_classes - 1``.
        latent_dim: size of z.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.

    Example:
        >>> model = SemiSupervisedVAE(x_shape=(1, 8, 8))
        >>> model(size=3)["x"].shape, model({"y": torch.tensor([7, 7])})["x"].shape
        (torch.Size([3, 1, 8, 8]), torch.Size([2, 1, 8, 8]))
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        num_classes: int = 10,
        latent_dim: int = 16,
        hidden: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.num_classes, self.latent_dim = tuple(x_shape), num_classes, latent_dim
        self.decoder = nets.decoder(num_classes + latent_dim, x_shape, hidden)

    @latent
    def y(self) -> dist.TorchDistribution:
        """The class: all as common as each other."""
        return dist.Categorical(logits=torch.zeros(self.num_classes))

    @latent
    def z(self) -> dist.TorchDistribution:
        """Style: what the class leaves open."""
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)

    @observed
    def x(self, y: torch.Tensor, z: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given class and style."""
        logits = self.decoder(nets.join(nets.one_hot(y, self.num_classes), z))
        return dist.Bernoulli(logits=logits).to_event(len(self.x_shape))
