"""The point guide: one value of z for each x. With it, a VAE is the classical autoencoder."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
from torch import Tensor

from ppgen.guides.derived import DerivedGuide, Latent

__all__ = ["Delta"]


class Delta(DerivedGuide):
    """``q(z | x) = delta(z - f(x))``: an encoder without noise.

    Maximising ``E_q[log p(x | z)]`` under it is the classical autoencoder; with the prior's term it is MAP
    estimation. A point has no entropy, so that no bound on log p(x) follows: a fit with this guide reports the log
    joint, never an ELBO.

    Args:
        model: the declared model.
        encoder: a network of the user's: evidence [batch, ...] -> features [batch, F].
        width: features of the default encoder.
    """

    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        return latent.num_free

    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        free = output.reshape((*output.shape[:-1], *latent.unconstrained_shape))
        return dist.Delta(latent.to_support(free), event_dim=len(latent.event_shape))
