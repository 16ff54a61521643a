"""Distributions that Pyro does not have, and a closed form of KL(q || p) that torch and Pyro lack.

Importing the package registers the closed form.
"""

from __future__ import annotations

__all__ = [
    "Autoregressive",
    "CausalNetwork",
    "CodeVectors",
    "Conditional",
    "DiscretizedLogistic",
    "DiscretizedLogisticMixture",
    "Ensemble",
    "EqualMixture",
    "LevelCategorical",
    "Levels",
    "Markov",
    "NearestCodes",
    "Order",
    "RelaxedCodes",
    "SteppingNetwork",
    "Tempering",
    "conditionals",
    "is_before",
    "kl_multivariate_normal_independent_normal",
    "orders",
    "progress_of_draws",
    "receptive_field",
    "whole_mask",
]

import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, register_kl

from ppgen.distributions import conditionals, orders
from ppgen.distributions.autoregressive import Autoregressive
from ppgen.distributions.causal_network import CausalNetwork, SteppingNetwork
from ppgen.distributions.code_vectors import CodeVectors
from ppgen.distributions.conditional import Conditional
from ppgen.distributions.discretized_mixture import DiscretizedLogisticMixture
from ppgen.distributions.draw_bar import progress_of_draws
from ppgen.distributions.ensemble import Ensemble
from ppgen.distributions.equal_mixture import EqualMixture
from ppgen.distributions.levels import DiscretizedLogistic, LevelCategorical, Levels
from ppgen.distributions.markov import Markov
from ppgen.distributions.orders import Order
from ppgen.distributions.quantised import NearestCodes, RelaxedCodes
from ppgen.distributions.receptive_field import is_before, receptive_field
from ppgen.distributions.serving_orders import whole_mask
from ppgen.distributions.tempering import Tempering


@register_kl(MultivariateNormal, Independent)
def kl_multivariate_normal_independent_normal(q: MultivariateNormal, p: Independent) -> Tensor:
    """KL from a full-rank normal to a factorised one: a full-rank guide against the usual prior.

    ``KL = sum_j log s_j - log L_jj + ((m_j - n_j)^2 + sum_k L_jk^2) / (2 s_j^2) - 1/2``
    for ``q = N(m, L L^T)`` and ``p = prod_j N(n_j, s_j^2)``.

    Args:
        q: batch ``[*batch]``, event ``[dim]``.
        p: ``Normal(n, s).to_event(1)``; its batch broadcasts against that of ``q``.

    Returns:
        ``[*batch]``, in nats.

    Raises:
        NotImplementedError: ``p`` is not a normal with exactly one event dimension, as torch does.

    Example:
        >>> from torch.distributions import kl_divergence
        >>> q = MultivariateNormal(torch.zeros(2), scale_tril=torch.eye(2))
        >>> kl_divergence(q, Independent(Normal(torch.ones(2), torch.ones(2)), 1))
        tensor(1.)
    """
    base = p.base_dist
    if not isinstance(base, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError(
            f"KL(MultivariateNormal || Independent({type(base).__name__})) has no closed form here"
        )
    scale_tril = q.scale_tril
    log_scales = base.scale.log() - torch.diagonal(scale_tril, dim1=-2, dim2=-1).log()
    spread = (q.loc - base.loc).square() + scale_tril.square().sum(-1)
    return (log_scales + 0.5 * (spread / base.scale.square() - 1.0)).sum(-1)
