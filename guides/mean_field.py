"""The mean-field guide: every coordinate of every latent independent given the datum."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ppgen.guides.derived import DerivedGuide, Latent
from ppgen.guides.networks import normal, positive

__all__ = ["MeanField"]


class MeanField(DerivedGuide):
    """``q(z | x) = prod_d Normal(z_d; mu_d(x), sigma_d(x))``, moved to each latent's support.

    The classical encoder of Kingma & Welling, 2014, Auto-Encoding Variational Bayes; for constrained supports as in
    Kucukelbir et al., 2017, Automatic Differentiation Variational Inference. Where the model's prior is Gaussian too,
    the rate KL(q || p) is in closed form. What it cannot hold is a dependence between coordinates, within a latent or
    between two: see :class:`~ppgen.guides.FullRank`, :class:`~ppgen.guides.Structured` and
    :class:`~ppgen.guides.Flow`. It is what ``ppgen.fit`` derives where no guide is given, and
    some latent is continuous and has a value for each datum.

    Args:
        model: the declared model.
        encoder: a network of the user's: x [batch, ...] -> features [batch, F].
        width: features of the default encoder.

    Shapes:
        x ``[batch, ...]`` -> z ``[batch, *event]``, and a draw of each global latent, ``[*event]``

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
        loc, scale = self.placed(latent, loc, positive(raw))
        return latent.constrain(normal(loc, scale, latent.unconstrained_shape))
