"""A discrete code with a prior of its own: the VQ-VAE's story, summed out exactly."""

from __future__ import annotations

__all__ = ["DiscreteVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class DiscreteVAE(Model):
    """c1 ~ Categorical(pi);  c2 | c1 ~ Categorical(pi_c1);  x | c1, c2 ~ likelihood(decoder(e1[c1], e2[c2])).

    A code of two letters, with a learned prior over codes and a learned vector for each letter. Where a VQ-VAE picks
    the nearest vector, copies gradients past the choice and fits the prior afterwards, here all K^2 codes are summed
    out: everything is learned together, by exact gradients, and log p(x) is exact. This bounds the code's length.

    Reference: A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural discrete representation learning", 2017
    (arXiv 1711.00937); J. Rolfe, "Discrete variational autoencoders", 2017 (arXiv 1609.02200).

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults, which sum both letters out.

    Args:
        x_shape: shape of one data point.
        num_letters: K, values of c1 and of c2.
        letter_dim: size of a letter's vector.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> DiscreteVAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        num_letters: int = 16,
        letter_dim: int = 16,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        self.first = nn.Parameter(torch.zeros(num_letters))
        self.second = nn.Parameter(torch.zeros(num_letters, num_letters))
        self.letters = nn.Parameter(torch.randn(2, num_letters, letter_dim))
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(2 * letter_dim, self.likelihood.shape, hidden)

    @latent
    def c1(self) -> dist.TorchDistribution:
        """The first letter."""
        return dist.Categorical(logits=self.first)

    @latent
    def c2(self, c1: torch.Tensor) -> dist.TorchDistribution:
        """The second letter, given the first."""
        return dist.Categorical(logits=self.second[c1])

    @observed
    def x(self, c1: torch.Tensor, c2: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given the code."""
        # Each of the K^2 codes is decoded once, however many rows share it.
        first, second = self.letters
        decoded = self.decoder(nets.join(first.unsqueeze(1), second))
        return self.likelihood(decoded[c1, c2])
