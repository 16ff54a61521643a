"""Where the shares of uniform ranks stay, all along, with a given chance."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["RankBands", "rank_bands"]

_SIMULATED = 4000
_FEWEST = 10  # simulated values beyond a quantile, for it to be known


@dataclasses.dataclass(frozen=True, eq=False)
class RankBands:
    """Simultaneous bands of the share of ranks at or below each value.

    Args:
        places: ``(k + 1) / (num_draws + 1)`` for each rank k but the last, [K].
        low: the lowest share that an exact guide has, [K].
        high: the highest, [K].
        num_data: how many ranks there are.
        smallest: of so many sets of uniform ranks, their smallest pointwise p-value, in order, [S].
    """

    places: np.ndarray
    low: np.ndarray
    high: np.ndarray
    num_data: int
    smallest: np.ndarray

    def shares(self, ranks: np.ndarray) -> np.ndarray:
        """The share of ranks at or below each value but the last, [K, D].

        Args:
            ranks: [num_data, D].
        """
        return np.stack([(ranks <= k).mean(0) for k in range(len(self.places))])

    def p_values(self, ranks: np.ndarray) -> np.ndarray:
        """The chance of uniform ranks that are somewhere as far from their expectation as these, [D].

        Args:
            ranks: [num_data, D].
        """
        counts = np.rint(self.shares(ranks) * self.num_data).astype(int)
        found = _pointwise(self.num_data, self.places)[np.arange(len(self.places))[:, None], counts].min(0)
        at_most = np.searchsorted(self.smallest, found * (1 + 1e-9), side="right")
        simulated = (at_most + 1) / (len(self.smallest) + 1)
        return np.minimum(simulated, len(self.places) * found)  # the second: Bonferroni's, where the first ends


def rank_bands(num_data: int, num_draws: int, level: float, *, seed: int = 0) -> RankBands:
    """Bands that uniform ranks leave somewhere with a chance of ``level``.

    The number of ranks at or below a value is binomial. The smallest of its two-sided p-values over all values is
    simulated; the bands are the binomial quantiles at which that smallest one is at its ``level`` quantile. See T.
    Säilynoja, P.-C. Bürkner and A. Vehtari, 2022 (arXiv 2103.10522), section 2.

    Args:
        num_data: how many ranks.
        num_draws: the largest rank.
        level: the chance; where it is too small to be simulated, the bands are Bonferroni's, a little wider.
        seed: of the simulation.

    Example:
        >>> bands = rank_bands(100, 9, 0.05)
        >>> bool((bands.low < bands.places).all() and (bands.high > bands.places).all())
        True
    """
    from scipy.stats import binom

    cells = num_draws + 1
    places = np.arange(1, cells) / cells
    random = np.random.default_rng(seed)
    counts = random.multinomial(num_data, np.full(cells, 1 / cells), size=_SIMULATED).cumsum(1)[:, :-1]
    smallest = np.sort(_pointwise(num_data, places)[np.arange(num_draws), counts].min(1))
    expected = int(level * _SIMULATED)
    tail = (smallest[expected] if expected >= _FEWEST else level / num_draws) / 2
    low, high = binom.ppf(tail, num_data, places) / num_data, binom.ppf(1 - tail, num_data, places) / num_data
    return RankBands(places, low, high, num_data, smallest)


def _pointwise(num_data: int, places: np.ndarray) -> np.ndarray:
    """Two-sided p-values of each count at each place, [K, num_data + 1]."""
    from scipy.stats import binom

    counts = np.arange(num_data + 1)
    below = binom.cdf(counts, num_data, places[:, None])
    above = binom.sf(counts - 1, num_data, places[:, None])
    return np.minimum(1.0, 2 * np.minimum(below, above))
