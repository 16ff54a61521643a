"""The BetaVAE score: do differences of codes say which factor two rows share?"""

from __future__ import annotations

import numpy as np

from ppgen.estimate import Estimate
from ppgen.evaluation.alike_rows import alike_rows
from ppgen.evaluation.factored import FactorCodes, Factored, factored
from ppgen.evaluation.metric import Measured, metric
from ppgen.evaluation.probes import accuracy

__all__ = ["beta_vae", "beta_vae_score", "mean_differences"]

_TRAIN, _TEST, _PAIRS = 2000, 1000, 64


def beta_vae_score(found: FactorCodes) -> Estimate:
    """The accuracy of a linear classifier from mean absolute differences of codes to the factor that pairs share.

    Each of 2000 training points is the mean of ``|z - z'|`` over 64 pairs of rows; the two of a pair share the value of
    one factor, and differ in the others as chance will have it. A logistic regression tells which factor; the accuracy
    is that on 1000 points of test rows: 1 / K by chance. A rotated code may score 1 as well, since the classifier may
    turn it back: the score asks for little.

    Reference: I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational framework",
    2017, algorithm 1.

    Args:
        found: codes and factors.

    Example:
        >>> values = np.random.default_rng(0).integers(4, size=(2000, 2))
        >>> codes = FactorCodes(1.0 * values, values, 1.0 * values, values)
        >>> beta_vae_score(codes).value
        1.0
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(found.seed)
    points, shared = mean_differences(found.train, found.train_factors, _TRAIN, rng)
    held, actual = mean_differences(found.test, found.test_factors, _TEST, rng)
    with threadpool_limits(1):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(points, shared)
    return accuracy(classifier.predict(held), actual, f"logistic regression on {_TRAIN} points of {_PAIRS} pairs")


def mean_differences(
    codes: np.ndarray, factors: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points [count, D], and the factor that the pairs of each share, [count].

    Each pair of a point has a value of its own of that factor.

    Args:
        codes: [N, D].
        factors: [N, K].
        count: of points.
        rng: of the draws.
    """
    fixed = np.sort(rng.integers(factors.shape[1], size=count))
    pairs = [alike_rows(factors[:, k], _PAIRS * int((fixed == k).sum()), 2, rng) for k in range(factors.shape[1])]
    first, second = codes[np.concatenate(pairs)].swapaxes(0, 1)
    return np.abs(first - second).reshape(count, _PAIRS, -1).mean(1), fixed


@metric(
    key="beta_vae_score",
    prepare=factored,
    question="disentanglement",
    title="BetaVAE score",
    unit="accuracy",
    better="higher",
)
def beta_vae(found: Factored) -> Measured:
    """The BetaVAE score of codes, beside that of principal components.

    Kind: unbiased.
    Source: Higgins et al., 2017, beta-VAE.
    """
    return found.measured(beta_vae_score)
