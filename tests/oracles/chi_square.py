"""Whether draws of a discrete distribution follow its enumerated probabilities."""

from __future__ import annotations

import torch
from scipy.stats import chisquare
from torch import Tensor

__all__ = ["p_value"]


def p_value(counts: Tensor, probabilities: Tensor) -> float:
    """Of the chi-square test of draws; rare outcomes share a cell, so that every cell expects about 10 draws or more.

    Args:
        counts: how often each outcome was drawn, ``[outcomes]``.
        probabilities: ``[outcomes]``, summing to 1 up to rounding; those of probability 0 are cells for nothing, and
            one of them drawn is a proof.
    """
    possible = probabilities > 0
    if counts[~possible].any():
        return 0.0
    counts, probabilities = counts[possible], probabilities[possible]
    draws, order = int(counts.sum()), probabilities.argsort(descending=True)
    expected, observed = probabilities[order].double() * draws, counts[order].double()
    common = int((expected >= 10).sum())
    pooled = common + (expected[common:].cumsum(0) / 10).long()
    pooled = pooled.clamp(max=max(common, int(pooled.max()) - 1)) if len(pooled) else pooled  # no cell of leftovers
    cells = torch.cat([torch.arange(common), pooled])
    expected_cells = torch.zeros(int(cells.max()) + 1).double().index_add(0, cells, expected)
    observed_cells = torch.zeros(int(cells.max()) + 1).double().index_add(0, cells, observed)
    assert len(expected_cells) > 5, "the test needs many cells to mean something"
    expected_cells *= draws / expected_cells.sum()  # the last digits of float32
    return float(chisquare(observed_cells.numpy(), expected_cells.numpy()).pvalue)
