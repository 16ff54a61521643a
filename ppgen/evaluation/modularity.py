"""Modularity: whether each code tells of one factor only."""

from __future__ import annotations

import numpy as np

from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.factor_information import factor_information
from ppgen.evaluation.factored import FactorCodes, Factored, factored
from ppgen.evaluation.metric import Measured, metric

__all__ = ["modularity", "modularity_score"]


def modularity_score(found: FactorCodes, num_bins: int = 20) -> Estimate:
    """``mean_d (1 - sum_{k != k*} I(z_d; v_k)^2 / (I(z_d; v_k*)^2 (K - 1)))``, z_d telling most of factor k*.

    Several codes may tell of one factor, and none of some: the score says nothing of that. Codes that never move are
    left out.

    Reference: K. Ridgeway and M. Mozer, "Learning deep disentangled embeddings with the F-statistic loss", 2018,
    equation 2.

    Args:
        found: codes and factors, of which there are at least two.
        num_bins: of each code.

    Raises:
        Unanswerable: if there is one factor, or no code moves.

    Example:
        >>> values = np.random.default_rng(0).integers(4, size=(5000, 2))
        >>> codes = FactorCodes(1.0 * values, values, 1.0 * values, values)
        >>> modularity_score(codes).value > 0.99
        True
    """
    squared = factor_information(found, num_bins) ** 2
    moving = squared[np.ptp(found.train, axis=0) > 0.0]
    if found.num_factors < 2 or not len(moving):
        raise Unanswerable(
            "modularity: there is nothing to tell apart",
            expected="two factors, and a code that moves",
            got=f"{found.num_factors} factors, {len(moving)} codes that move",
            fix="look at active_units: the codes may have collapsed",
            code="U081",
        )
    most = moving.max(1)
    strayed = (moving.sum(1) - most) / (most * (found.num_factors - 1))
    return found.estimate(float((1.0 - strayed).mean()), f"{num_bins} bins of each code", len(found.train))


@metric(prepare=factored, question="disentanglement", title="modularity", better="higher")
def modularity(found: Factored) -> Measured:
    """The modularity of codes, beside that of principal components.

    Kind: biased.
    Source: Ridgeway and Mozer, 2018 (arXiv 1802.05312).
    """
    return found.measured(modularity_score)
