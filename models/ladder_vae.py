"""The ladder variational autoencoder: three stochastic layers along a deterministic path from the top down."""

from __future__ import annotations

__all__ = ["LadderVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class LadderVAE(Model):
    """z3 ~ Normal(0, I);  z2 | z3, z1 | z2, z3 ~ Normal(mu(h), sigma(h));  x | z1, z2, z3 ~ likelihood(decoder(h)).

    h is the state of the path so far: ``h <- block(h + W z)`` at each layer on the way down, with residual blocks, so
    that every layer writes to the pixels directly and none is cut off by the one below. With the guide
    ``ppgen.guides.Structured(model, order="model")``, inference goes from the top down as well:
    ``q(z3 | x) q(z2 | x, z3) q(z1 | x, z2, z3)``, with closed-form rates. Unlike in the papers, the guide's heads
    share nothing with the model. Sites are methods, so the number of layers is the class's: three.

    Reference: C. Sønderby et al., "Ladder variational autoencoders", 2016 (arXiv 1602.02282); the path with residual
    blocks as in R. Child, "Very deep VAEs generalize autoregressive models and can outperform them on images", 2021
    (arXiv 2011.10650).

    Fit with: ``ppgen.guides.Structured(model, order="model")``, ``ppgen.ELBO(warmup=5.0)``.

    Args:
        x_shape: shape of one data point.
        latent_dims: sizes of z1, z2 and z3, the data's end first.
        width: of the state h.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> LadderVAE(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dims: tuple[int, int, int] = (16, 8, 4),
        width: int = 128,
        hidden: Sequence[int] | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        z1_dim, z2_dim, self.z3_dim = latent_dims
        self.write = nn.ModuleList(nn.Linear(dim, width) for dim in (self.z3_dim, z2_dim, z1_dim))
        self.blocks = nn.ModuleList(nets.ResidualBlock(width) for _ in latent_dims)
        self.conditional_2 = nets.Gaussian(nn.SiLU(), width, z2_dim)
        self.conditional_1 = nets.Gaussian(nn.SiLU(), width, z1_dim)
        self.likelihood = likelihood or nets.BernoulliLikelihood(x_shape)
        self.decoder = nets.decoder(width, self.likelihood.shape, hidden)

    @latent
    def z3(self) -> dist.TorchDistribution:
        """The top of the ladder: what everything else depends on."""
        return dist.Normal(torch.zeros(self.z3_dim), torch.ones(self.z3_dim)).to_event(1)

    @latent
    def z2(self, z3: torch.Tensor) -> dist.TorchDistribution:
        """The middle: what the top leaves open."""
        return self.conditional_2(self.state(z3))

    @latent
    def z1(self, z3: torch.Tensor, z2: torch.Tensor) -> dist.TorchDistribution:
        """The bottom: detail."""
        return self.conditional_1(self.state(z3, z2))

    @observed
    def x(self, z3: torch.Tensor, z2: torch.Tensor, z1: torch.Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given all layers."""
        return self.likelihood(self.decoder(self.state(z3, z2, z1)))

    def state(self, *above: torch.Tensor) -> torch.Tensor:
        """The path's state ``[*batch, width]`` after the layers above, from the top."""
        h = torch.zeros(())
        for z, write, block in zip(above, self.write, self.blocks, strict=False):
            h = block(h + write(z))
        return h
