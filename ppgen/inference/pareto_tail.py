"""How heavy the tail of importance weights is: the k of a generalised Pareto distribution fitted to the largest."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.errors import SettingError

__all__ = ["pareto_k"]

_ROUNDING = 1e-4  # of the largest weight: log-densities of images in single precision are known to no more digits
_FEWEST = 25  # weights, of which 5 make the tail: fewer say nothing of it


def pareto_k(log_weights: Tensor) -> Tensor:
    """The shape k of the weights' upper tail by datum: above 0.7, sums over the weights cannot be trusted.

    With k >= 1/2 the weights have no variance, with k >= 1 no mean. The tail are the ``min(K / 5, 3 sqrt K)`` largest;
    k is the estimate of Zhang & Stephens (2009), shrunk to 1/2 by the weight of ten observations (Vehtari, Simpson,
    Gelman, Yao & Gabry, 2024, Pareto smoothed importance sampling, appendix C). For guides: Yao et al. (2018), Yes, but
    did it work?

    Args:
        log_weights: ``log p - log q``, [K, N], larger where the guide has too little mass.

    Returns:
        [N], float64; ``-inf`` where the largest weights are equal to four digits, as those of an exact guide are.

    Raises:
        SettingError: for fewer than 25 weights.

    Example:
        >>> weights = torch.distributions.Pareto(1.0, 2.0).sample((4000, 3))  # k = 1/2
        >>> bool((pareto_k(weights.log()) - 0.5).abs().max() < 0.3)
        True
    """
    count = len(log_weights)
    if count < _FEWEST:
        raise SettingError(
            "pareto_k: too few weights to have a tail",
            expected=f"at least {_FEWEST} for each datum",
            got=str(count),
            fix="fit.log_weights(data, num_particles=1000)",
            code="S200",
        )
    size = math.ceil(min(count / 5, 3 * math.sqrt(count)))
    largest = log_weights.double().topk(size + 1, 0).values
    weights = (largest - largest[0]).exp()
    excess = (weights[:-1] - weights[-1]).flip(0)  # rising, [size, N]
    flat = ~(excess[-1] > _ROUNDING)
    excess = torch.where(flat, torch.ones_like(excess), excess)
    # Candidates for b = -k / sigma, on a grid that the quartile and the largest excess span: equation 8.
    grid = 30 + int(math.sqrt(size))
    steps = 1.0 - (grid / (torch.arange(1, grid + 1, dtype=excess.dtype, device=excess.device) - 0.5)).sqrt()
    quartile = excess[int(size / 4 + 0.5) - 1].clamp(min=torch.finfo(excess.dtype).tiny)
    b = steps.unsqueeze(-1) / (3.0 * quartile) + 1.0 / excess[-1]  # [grid, N]
    k = torch.log1p(-b.unsqueeze(1) * excess).mean(1)
    log_likelihood = size * ((-b / k).log() - k - 1.0)
    posterior_mean = (log_likelihood.softmax(0) * b).sum(0)
    shape = torch.log1p(-posterior_mean * excess).mean(0)
    return torch.where(flat, -math.inf, (size * shape + 10 * 0.5) / (size + 10))
