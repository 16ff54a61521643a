"""The variational autoencoder of labelled data: told a label, attributes, or words."""

from __future__ import annotations

__all__ = ["ConditionalVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed
from ppgen.errors import DataError


class ConditionalVAE(Model):
    """z ~ Normal(0, I);  x | z, y ~ likelihood(decoder(z, y)), with the label y given.

    The label says which class, so z is left with style. The density is log p(x | y), no rival of a log p(x).

    Reference: K. Sohn, H. Lee and X. Yan, "Learning structured output representation using deep conditional
    generative models", 2015; D. Kingma et al., "Semi-supervised learning with deep generative models", 2014
    (arXiv 1406.5298), model M2 with all labels given.

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        x_shape: shape of one data point.
        num_classes: labels are ``0 .. num_classes - 1``; or, where y is a vector of attributes, its length; with a
            ``context``, the size of what that returns.
        latent_dim: size of z.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.
        context: a network that reads y, such as ``nets.TextContext(vocabulary_size, num_classes)``; by default none.

    Example:
        >>> y = torch.tensor([0, 1, 2])
        >>> ConditionalVAE(x_shape=(1, 8, 8))({"y": y})["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        num_classes: int = 10,
        latent_dim: int = 16,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
        context: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.num_classes, self.latent_dim = tuple(x_shape), num_classes, latent_dim
        self.context = context
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(latent_dim + num_classes, self.likelihood.shape, hidden)

    @latent
    def z(self) -> dist.TorchDistribution:
        """Style: what the label leaves open."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    @observed
    def x(self, z: torch.Tensor, y: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given style and label."""
        return self.likelihood(self.decoder(nets.join(z, self.read(y))))

    def read(self, y: torch.Tensor) -> torch.Tensor:
        """What the decoder is told, ``[batch, num_classes]``: a class, attributes as they are, words as read."""
        y = y if self.context is None else self.context(y)
        if not y.is_floating_point() or y.dim() < 2:
            return nets.one_hot(y, self.num_classes)
        if y.shape[-1] != self.num_classes:
            raise DataError(
                "the vector of attributes has another length than the model was built for",
                expected=f"[batch, {self.num_classes}]",
                got=str(list(y.shape)),
                fix=f"num_classes={y.shape[-1]}",
                code="D092",
            )
        return y
