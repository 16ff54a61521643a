"""What each code tells of each factor: mutual information, by histogram."""

from __future__ import annotations

import numpy as np

from ppgen.evaluation.factored import FactorCodes

__all__ = ["entropies", "factor_information"]


def factor_information(found: FactorCodes, num_bins: int = 20) -> np.ndarray:
    """``I(z_d; v_k)`` in nats, [D, K], over the training rows, each code cut into bins of equal width.

    The plug-in estimate: too large by about ``(bins - 1) (values - 1) / (2 N)``.

    Args:
        found: codes and factors.
        num_bins: of each code, between its smallest and its largest value.
    """
    table = np.empty((found.num_codes, found.num_factors))
    for d, code in enumerate(found.train.T):
        binned = np.digitize(code, np.histogram_bin_edges(code, num_bins)[1:-1])
        for k, factor in enumerate(found.train_factors.T):
            joint = np.zeros((num_bins, factor.max() + 1))
            np.add.at(joint, (binned, factor), 1.0)
            joint /= len(code)
            apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
            there = joint > 0.0
            table[d, k] = float((joint[there] * np.log(joint[there] / apart[there])).sum())
    return table.clip(min=0.0)  # what rounding leaves below


def entropies(found: FactorCodes) -> np.ndarray:
    """``H(v_k)`` in nats, [K], over the training rows.

    Args:
        found: codes and factors.
    """
    shares = (np.bincount(factor) / len(factor) for factor in found.train_factors.T)
    return np.array([-(share[share > 0.0] * np.log(share[share > 0.0])).sum() for share in shares])
