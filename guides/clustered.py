"""A guide for a latent space made of clusters: the best clustering that one encoder allows."""

from __future__ import annotations

__all__ = ["Clustered"]

from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from ppgen.checked import checked
from ppgen.declare import Guide, latent


class Clustered(Guide):
    """``q(z | x) = posterior(x)``, ``q(c | x) ~ p(c) exp(-KL(posterior(x) || p(z | c)))``, for ``c -> z -> x``.

    Among all q(c | x) beside a q(z | x) that does not depend on c, this one has the largest bound, so that c needs no
    head of its own: where x lies decides which cluster it is in. A derived guide has a head for c and another z for
    each c, which is more flexible, and more easily content with clusters that all hold everything.

    Reference: Z. Jiang et al., "Variational deep embedding", 2017 (arXiv 1611.05148), where p(c | z) at a draw of z
    stands for q(c | x).

    Args:
        model: has latents ``c``, a Categorical, and ``z`` given c, a Gaussian; ``ppgen.models.MixtureVAE`` has.
        posterior: maps x ``[batch, ...]`` to a Gaussian of z, with independent coordinates.

    Example:
        >>> from ppgen import nets
        >>> from ppgen.models import MixtureVAE
        >>> posterior = nets.Gaussian(nets.encoder((1, 8, 8), 32), 32, 4)
        >>> guide = Clustered(MixtureVAE((1, 8, 8), num_clusters=3, latent_dim=4), posterior)
        >>> guide.c(torch.zeros(5, 1, 8, 8)).probs.shape
        torch.Size([5, 3])
    """

    model: Any
    posterior: Callable[..., Any]

    @checked
    def __init__(self, model: Any, posterior: Callable[..., Any]) -> None:
        super().__init__()
        object.__setattr__(self, "model", model)  # not a submodule: its parameters are the model's own
        self.posterior = posterior

    @latent
    def c(self, x: Tensor) -> Any:
        """Which cluster: the nearer one, as KL measures it."""
        weights = self.model.c().logits
        clusters = self.model.z(c=torch.arange(len(weights), device=weights.device))
        here = self.posterior(x).base_dist
        beside = dist.Normal(here.loc.unsqueeze(-2), here.scale.unsqueeze(-2)).to_event(1)
        return dist.Categorical(logits=weights - kl_divergence(beside, clusters))

    @latent
    def z(self, x: Tensor) -> Any:
        """Where, whichever the cluster."""
        return self.posterior(x)
