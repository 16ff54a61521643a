"""The variational autoencoder of data whose labels are mostly missing."""

from __future__ import annotations

__all__ = ["SemiSupervisedVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class SemiSupervisedVAE(Model):
    """y ~ Categorical(1/C);  z ~ Normal(0, I);  x | y, z ~ likelihood(decoder(y, z)).

    One declaration for both kinds of data: where the batch has a label, y is observed; where it says -1, y is latent
    and summed out. A derived guide's ``q(y | x)`` is the classifier.

    Reference: D. Kingma et al., "Semi-supervised learning with deep generative models", 2014 (arXiv 1406.5298), M2.

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO(label_weight=10.0)``, so that labels teach q(y | x) too.

    Args:
        x_shape: shape of one data point.
        num_classes: labels are ``0 .. num_classes - 1``.
        latent_dim: size of z.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> SemiSupervisedVAE(x_shape=(1, 8, 8))({"y": torch.tensor([7, 7])})["x"].shape
        torch.Size([2, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        num_classes: int = 10,
        latent_dim: int = 16,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.num_classes, self.latent_dim = tuple(x_shape), num_classes, latent_dim
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(latent_dim + num_classes, self.likelihood.shape, hidden)

    @latent
    def y(self) -> dist.TorchDistribution:
        """The class: all as common as each other."""
        return dist.Categorical(logits=torch.zeros(self.num_classes))

    @latent
    def z(self) -> dist.TorchDistribution:
        """Style: what the class leaves open."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @observed
    def x(self, y: torch.Tensor, z: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given class and style."""
        return self.likelihood(self.decoder(nets.join(nets.one_hot(y, self.num_classes), z)))
