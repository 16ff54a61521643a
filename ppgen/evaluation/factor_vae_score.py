"""The FactorVAE score: does the code that stays still say which factor was fixed?"""

from __future__ import annotations

import numpy as np

from ppgen.estimate import Estimate
from ppgen.evaluation.alike_rows import alike_rows
from ppgen.evaluation.factored import FactorCodes, Factored, factored
from ppgen.evaluation.metric import Measured, metric
from ppgen.evaluation.probes import accuracy

__all__ = ["factor_vae", "factor_vae_score", "stillest_codes"]

_TRAIN, _TEST, _SIZE = 2000, 1000, 64  # votes, and rows of each
_MOVES = 0.05  # variance below which a code has collapsed, of a prior with variance 1


def factor_vae_score(found: FactorCodes) -> Estimate:
    """The accuracy of a majority vote from the code with the least variance to the factor that is fixed.

    Each vote is by 64 rows with one value of a factor; the variance of each code over them is divided by that over all
    rows. Codes whose variance is below 0.05 have collapsed and have no vote. The majority is that of 2000 votes of
    training rows; the accuracy, by 1000 votes of test rows, is 1 / K by chance, and 1 where each factor has a code.

    Reference: H. Kim and A. Mnih, "Disentangling by factorising", 2018, section 4.

    Args:
        found: codes and factors.

    Example:
        >>> values = np.random.default_rng(0).integers(4, size=(2000, 2))
        >>> codes = FactorCodes(1.0 * values, values, 1.0 * values, values)
        >>> factor_vae_score(codes).value
        1.0
    """
    rng = np.random.default_rng(found.seed)
    spread = found.train.var(0)
    moves = spread >= _MOVES
    scale = np.where(moves, spread, 1.0)
    votes = [
        stillest_codes(codes / np.sqrt(scale), moves, factors, count, rng)
        for codes, factors, count in (
            (found.train, found.train_factors, _TRAIN),
            (found.test, found.test_factors, _TEST),
        )
    ]
    counts = np.zeros((found.num_codes, found.num_factors))
    np.add.at(counts, votes[0], 1)
    code, factor = votes[1]
    return accuracy(counts.argmax(1)[code], factor, f"majority of {_TRAIN} votes of {_SIZE} rows")


def stillest_codes(
    codes: np.ndarray, moves: np.ndarray, factors: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """For each vote the code of least variance, and the factor that was fixed, [count] each.

    Args:
        codes: of unit variance, [N, D].
        moves: which of them have a vote, [D]; where none has, all votes are for the first.
        factors: [N, K].
        count: of votes, as many of each factor as chance will have it.
        rng: of the draws.
    """
    fixed = np.sort(rng.integers(factors.shape[1], size=count))
    sets = [alike_rows(factors[:, k], int((fixed == k).sum()), _SIZE, rng) for k in range(factors.shape[1])]
    spread = codes[np.concatenate(sets)].var(1, ddof=1)
    return np.where(moves, spread, np.inf).argmin(1), fixed


@metric(
    key="factor_vae_score",
    prepare=factored,
    question="disentanglement",
    title="FactorVAE score",
    unit="accuracy",
    better="higher",
)
def factor_vae(found: Factored) -> Measured:
    """The FactorVAE score of codes, beside that of principal components.

    Kind: unbiased.
    Source: Kim and Mnih, 2018 (arXiv 1802.05983).
    """
    return found.measured(factor_vae_score)
