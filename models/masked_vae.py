"""The part of an image that is not seen, given the part that is."""

from __future__ import annotations

__all__ = ["MaskedVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed

CERTAIN = 100.0  # a logit: log sigmoid(100) is 0 in float32 and float64, and a pixel against it costs 100 nats


class MaskedVAE(Model):
    """z | given ~ Normal(mu(given), sigma(given));  x | z, given ~ Bernoulli(decoder(z, features(given))).

    Pixels where ``mask`` is 1 are given: they are certain, in draws as in the density, so that log p(x | given) is
    that of the unseen pixels alone. The prior of z is learned and reads what is given too: what can be told from the
    seen part need not be told by z.

    Reference: K. Sohn, H. Lee and X. Yan, "Learning structured output representation using deep conditional
    generative models", 2015.

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Covariates:
        given: ``[batch, *x_shape]``, x where it is seen and 0 elsewhere.
        mask: ``[batch, *x_shape]``, floats: 1 where x is seen, else 0.

    Args:
        x_shape: ``(channels, height, width)``.
        latent_dim: size of z.
        width: features of the seen part.
        hidden: widths of the decoder, the data's end first; by default chosen from ``x_shape``.

    Example:
        >>> mask = torch.zeros(3, 1, 8, 8)
        >>> mask[..., :4, :4] = 1.0
        >>> x = MaskedVAE(x_shape=(1, 8, 8))({"given": mask, "mask": mask})["x"]
        >>> bool((x[..., :4, :4] == 1.0).all())
        True
    """

    @checked
    def __init__(
        self,
        x_shape: tuple[int, int, int],
        latent_dim: int = 16,
        width: int = 128,
        hidden: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        channels, height, across = self.x_shape = tuple(x_shape)
        self.features = nets.encoder((2 * channels, height, across), width)
        self.prior = nets.Gaussian(nn.SiLU(), width, latent_dim)
        self.decoder = nets.decoder(latent_dim + width, x_shape, hidden)

    @latent
    def z(self, given: torch.Tensor, mask: torch.Tensor) -> dist.TorchDistribution:
        """What the seen part leaves open."""
        return self.prior(self.read(given, mask))

    @observed
    def x(self, z: torch.Tensor, given: torch.Tensor, mask: torch.Tensor) -> dist.TorchDistribution:
        """The pixels: the seen ones as they are, the others independent of each other given z and the seen ones."""
        guess = self.decoder(nets.join(z, self.read(given, mask)))
        logits = torch.where(mask.bool(), CERTAIN * (2.0 * given - 1.0), guess)
        return dist.Bernoulli(logits=logits).to_event(len(self.x_shape))

    def read(self, given: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Features of the seen part, ``[batch, width]``; the mask tells a dark pixel from an unseen one.

        Args:
            given: ``[batch, *x_shape]``, x where it is seen and 0 elsewhere.
            mask: ``[batch, *x_shape]``, 1 where x is seen, else 0.
        """
        return self.features(torch.cat([given, mask], -3))
