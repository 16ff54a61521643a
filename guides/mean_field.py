"""The mean-field guide: every coordinate of every latent independent given the datum."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ppgen.guides.derived import DerivedGuide, Latent
from ppgen.guides.heads import normal, positive

__all__ = ["MeanField"]


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
        return latent.constrain(normal(loc, positive(raw), latent.unconstrained_shape))
