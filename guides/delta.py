"""The point guide: one value of z for each x, with which a VAE is the classical autoencoder."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
from torch import Tensor

from ppgen.guides.derived import DerivedGuide, Latent

__all__ = ["Delta"]


class Delta(DerivedGuide):
    """``q(z | x) = delta(z - f(x))``: an encoder without noise.

    Each latent is one number for each of its free coordinates, moved to its support: the softmax of a head's output
    for a simplex, its exponential for a positive number. The model's density stays that of z itself, so that with the
    prior's term, ``ELBO()``, the guide does maximum a posteriori estimation, ``max_f log p(x, z = f(x))``; without it,
    ``ELBO(beta=0)``, it is the classical autoencoder's encoder, ``max_f log p(x | z = f(x))``.

    A point has no entropy, so that no bound on log p(x) follows: a fit with this guide reports the log joint, never an
    ELBO, and says that its density cannot be known. Discrete latents stay distributions, which are summed out.

    Reference: G. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006.

    Args:
        model: the declared model.
        encoder: a network of the user's: x [batch, ...] -> features [batch, F].
        width: features of the default encoder.

    Shapes:
        x ``[batch, ...]`` -> z ``[batch, *event]``, and a value of each global latent, ``[*event]``

    Example:
        >>> import torch
        >>> from ppgen.models import Autoencoder
        >>> guide = Delta(Autoencoder(x_shape=(1, 8, 8), latent_dim=3))
        >>> x = torch.zeros(5, 1, 8, 8)
        >>> torch.equal(guide({"x": x})["z"], guide({"x": x})["z"])
        True
    """

    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        return latent.num_free

    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        loc, _ = self.placed(latent, output)
        free = loc.reshape((*loc.shape[:-1], *latent.unconstrained_shape))
        return dist.Delta(latent.to_support(free), event_dim=len(latent.event_shape))
