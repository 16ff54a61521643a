"""MIG: for each factor, how much more one code tells of it than any other."""

from __future__ import annotations

import numpy as np

from ppgen.estimate import Estimate
from ppgen.evaluation.factor_information import entropies, factor_information
from ppgen.evaluation.factored import FactorCodes, Factored, factored
from ppgen.evaluation.metric import Measured, metric

__all__ = ["mig", "mutual_information_gap"]


def mutual_information_gap(found: FactorCodes, num_bins: int = 20) -> Estimate:
    """``mean_k (I(z_(1); v_k) - I(z_(2); v_k)) / H(v_k)``, with the two codes that tell most of factor k.

    1 where each factor is in one code and in no other; 0 where each is in two alike. Codes are posterior means, cut
    into bins, as by Locatello et al. (2019); the paper draws from q(z given x), which lets collapsed codes say nothing.
    A single code has no rival, and its gap is all that it tells.

    Reference: R. T. Q. Chen, X. Li, R. Grosse and D. Duvenaud, "Isolating sources of disentanglement in VAEs", 2018,
    equation 6.

    Args:
        found: codes and factors.
        num_bins: of each code.

    Example:
        >>> values = np.random.default_rng(0).integers(4, size=(5000, 2))
        >>> codes = FactorCodes(1.0 * values, values, 1.0 * values, values)
        >>> mutual_information_gap(codes).value > 0.99
        True
    """
    told = np.vstack([factor_information(found, num_bins), np.zeros(found.num_factors)])
    second, first = np.sort(told, axis=0)[-2:]
    gap = float(((first - second) / entropies(found)).mean())
    return found.estimate(gap, f"{num_bins} bins of each code", len(found.train))


@metric(prepare=factored, question="disentanglement", title="MIG", better="higher")
def mig(found: Factored) -> Measured:
    """The mutual information gap of codes, beside that of principal components.

    Kind: biased.
    Source: Chen et al., 2018 (arXiv 1802.04942).
    """
    return found.measured(mutual_information_gap)
