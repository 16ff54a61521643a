"""SAP: for each factor, how much better one code alone predicts it than any other alone."""

from __future__ import annotations

import numpy as np

from ppgen.estimate import Estimate
from ppgen.evaluation.factored import FactorCodes, Factored, factored
from ppgen.evaluation.metric import Measured, metric

__all__ = ["balanced_accuracies", "sap", "separated_predictability"]


def separated_predictability(found: FactorCodes) -> Estimate:
    """``mean_k (S_(1)k - S_(2)k)``, with the test accuracies S of the two codes that alone predict factor k best.

    The most that a factor of V values allows is 1 less the accuracy of the runner-up, which is 1 / V by chance; the
    rival of a single code is chance.

    Reference: A. Kumar, P. Sattigeri and A. Balakrishnan, "Variational inference of disentangled latent concepts from
    unlabeled observations", 2018, section 3.3.

    Args:
        found: codes and factors.

    Example:
        >>> values = np.random.default_rng(0).integers(4, size=(2000, 2))
        >>> codes = FactorCodes(1.0 * values, values, 1.0 * values, values)
        >>> 0.7 < separated_predictability(codes).value < 0.76  # of 3 / 4
        True
    """
    scores = balanced_accuracies(found)
    chance = 1.0 / np.array([len(np.unique(factor)) for factor in found.train_factors.T])
    second, first = np.sort(np.vstack([scores, np.minimum(chance, scores.min(0))]), axis=0)[-2:]
    return found.estimate(float((first - second).mean()), "thresholds on each code", len(found.test))


def balanced_accuracies(found: FactorCodes) -> np.ndarray:
    """How well thresholds on one code predict one factor: test accuracy, every value of it weighing the same, [D, K].

    As many intervals as the factor has values, found by a tree on the training rows.

    Args:
        found: codes and factors.
    """
    from sklearn.tree import DecisionTreeClassifier

    table = np.empty((found.num_codes, found.num_factors))
    for k in range(found.num_factors):
        known, actual = found.train_factors[:, k], found.test_factors[:, k]
        leaves = max(2, len(np.unique(known)))
        for d in range(found.num_codes):
            tree = DecisionTreeClassifier(max_leaf_nodes=leaves, class_weight="balanced", random_state=found.seed)
            predicted = tree.fit(found.train[:, [d]], known).predict(found.test[:, [d]])
            table[d, k] = np.mean([(predicted[actual == value] == value).mean() for value in np.unique(actual)])
    return table


@metric(prepare=factored, question="disentanglement", title="SAP", better="higher")
def sap(found: Factored) -> Measured:
    """The separated attribute predictability of codes, beside that of principal components.

    Kind: biased.
    Source: Kumar, Sattigeri and Balakrishnan, 2018 (arXiv 1711.00848).
    """
    return found.measured(separated_predictability)
