"""DCI: how far each code serves one factor, how far each factor is served by one code, and how well at all."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.factored import FactorCodes, Factored, factored
from ppgen.evaluation.metric import Measured, metric

__all__ = [
    "dci_completeness",
    "dci_disentanglement",
    "dci_informativeness",
    "dci_scores",
    "importances",
]

_ROWS, _TREES, _DEPTHS = 5000, 20, (2, 4, 8, 16)


def dci_scores(importance: np.ndarray) -> tuple[float, float]:
    """Disentanglement and completeness of a matrix of importances R_dk >= 0.

    ``D = sum_d w_d (1 - H_K(R_d. / sum_k R_dk))``, with weights ``w_d = sum_k R_dk / sum R`` and the entropy H to the
    base K; ``C = mean_k (1 - H_D(R_.k / sum_d R_dk))``, to the base D, over the factors that anything predicts.

    Args:
        importance: of code d for factor k, [D, K].

    Raises:
        Unanswerable: if nothing predicts any factor.

    Example:
        >>> dci_scores(np.eye(3))
        (1.0, 1.0)
    """
    if not importance.sum() > 0.0:
        raise Unanswerable(
            "DCI: no code predicts any factor",
            expected="codes that tell of some factor",
            got="importances that are all 0",
            fix="look at active_units: the codes may have collapsed",
            code="U074",
        )
    of_codes, of_factors = importance[importance.sum(1) > 0.0], importance.T[importance.sum(0) > 0.0]
    weights = of_codes.sum(1) / of_codes.sum()
    return float((weights * _purity(of_codes)).sum()), float(_purity(of_factors).mean())


def _purity(rows: np.ndarray) -> np.ndarray:
    """``1 - H(row)``, the entropy to the base of a row's length; 1 where a row has one entry."""
    shares = rows / rows.sum(1, keepdims=True)
    logs = np.log(np.where(shares > 0.0, shares, 1.0))
    return np.clip(1.0 + (shares * logs).sum(1) / np.log(max(2, rows.shape[1])), 0.0, 1.0)


@functools.lru_cache(maxsize=4)  # of the codes at hand: three scores are made of one set of forests
def importances(found: FactorCodes) -> tuple[np.ndarray, float]:
    """How much each code adds to the prediction of each factor, by a random forest, and the forests' test accuracy.

    A forest of 20 trees for each factor, each of which may choose among all codes; its depth is that of 2, 4, 8 and 16
    which predicts best what the trees have not seen.

    Args:
        found: codes and factors; of many training rows, 5000.

    Returns:
        ([D, K], each column of which sums to 1 or 0; the mean accuracy over factors.)
    """
    from sklearn.ensemble import RandomForestClassifier

    rows = np.random.default_rng(found.seed).permutation(len(found.train))[:_ROWS]
    table, shares = np.empty((found.num_codes, found.num_factors)), []
    # Each tree may choose among all codes: one that had to do without the right one would praise others.
    grown: dict[str, Any] = {"max_features": None, "oob_score": True, "random_state": found.seed}
    for k in range(found.num_factors):
        known, actual = found.train_factors[rows, k], found.test_factors[:, k]
        forests = [RandomForestClassifier(_TREES, max_depth=depth, **grown) for depth in _DEPTHS]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a row that all trees have seen judges none of them
            best = max((forest.fit(found.train[rows], known) for forest in forests), key=lambda one: one.oob_score_)
        table[:, k] = best.feature_importances_
        shares.append(float((best.predict(found.test) == actual).mean()))
    return table, float(np.mean(shares))


def _estimate(found: FactorCodes, value: float) -> Estimate:
    return found.estimate(value, f"random forests of {_TREES} trees", min(_ROWS, len(found.train)))


@metric(prepare=factored, question="disentanglement", title="DCI disentanglement", better="higher")
def dci_disentanglement(found: Factored) -> Measured:
    """How far each code serves one factor, beside principal components.

    Kind: biased.
    Source: Eastwood and Williams, 2018, A framework for the quantitative evaluation of disentangled representations.
    """
    return found.measured(lambda codes: _estimate(codes, dci_scores(importances(codes)[0])[0]))


@metric(prepare=factored, question="disentanglement", title="DCI completeness", better="higher")
def dci_completeness(found: Factored) -> Measured:
    """How far each factor is served by one code, beside principal components.

    Kind: biased.
    Source: Eastwood and Williams, 2018.
    """
    return found.measured(lambda codes: _estimate(codes, dci_scores(importances(codes)[0])[1]))


@metric(prepare=factored, question="disentanglement", title="DCI informativeness", unit="accuracy", better="higher")
def dci_informativeness(found: Factored) -> Measured:
    """How well all codes together predict the factors of test rows, beside principal components.

    Kind: biased.
    Source: Eastwood and Williams, 2018.
    """
    return found.measured(lambda codes: _estimate(codes, importances(codes)[1]))
