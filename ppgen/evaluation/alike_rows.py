"""Sets of rows that share the value of one factor: what two scores of disentanglement vote on."""

from __future__ import annotations

import numpy as np

__all__ = ["alike_rows"]


def alike_rows(factor: np.ndarray, count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Rows by chance, those of a set with one value of a factor: row numbers [count, size].

    Args:
        factor: values of all rows, [N].
        count: of sets; the value of each is that of a row by chance.
        size: of each set; rows may come twice.
        rng: of the draws.

    Example:
        >>> factor = np.array([0, 1, 0, 1, 1])
        >>> sets = alike_rows(factor, 3, 4, np.random.default_rng(0))
        >>> bool((factor[sets] == factor[sets[:, :1]]).all())
        True
    """
    order = np.argsort(factor, kind="stable")
    ranked = factor[order]
    value = rng.choice(factor, size=count)
    first, last = np.searchsorted(ranked, value, "left"), np.searchsorted(ranked, value, "right")
    return order[first[:, None] + (rng.random((count, size)) * (last - first)[:, None]).astype(int)]
