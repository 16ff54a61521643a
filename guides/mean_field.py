"""The mean-field guide: every coordinate of every latent independent given the datum."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
from torch import Tensor
from torch.nn.functional import softplus

from ppgen.guides.derived import DerivedGuide, Latent

__all__ = ["MeanField", "positive"]

_SOFTPLUS_ONE = 0.5413248546  # softplus of this is 1: a head that gives 0 gives the scale 1
_SMALLEST = 1e-6


def positive(raw: Tensor) -> Tensor:
    """A positive scale from a head's output, 1 at 0."""
    return softplus(raw + _SOFTPLUS_ONE) + _SMALLEST


class MeanField(DerivedGuide):
    """``q(z | x) = prod_d Normal(z_d; mu_d(x), sigma_d(x))``, moved to each latent's support.

    The classical encoder of Kingma & Welling, 2014, Auto-Encoding Variational Bayes; for constrained supports as in
    Kucukelbir et al., 2017, Automatic Differentiation Variational Inference.

    Args:
        model: the declared model.
        encoder: a network of the user's: evidence [batch, ...] -> features [batch, F].
        width: features of the default encoder.

    Example:
        >>> import torch
        >>> from ppgen.models import VAE
        >>> guide = MeanField(VAE(x_shape=(1, 8, 8), latent_dim=3))
        >>> guide({"x": torch.zeros(5, 1, 8, 8)})["z"].shape
        torch.Size([5, 3])
    """

    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        return 2 * latent.num_free

    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        loc, raw = output.chunk(2, -1)
        shape = (*output.shape[:-1], *latent.free_shape)
        free = dist.Normal(loc.reshape(shape), positive(raw).reshape(shape)).to_event(len(latent.free_shape))
        return latent.constrain(free)
