"""What metrics between two sets of features share: their check, distances in blocks, balls, and standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from ppgen.errors import DataError

__all__ = ["check_feature_sets", "chunks", "distances", "neighbour_radii", "subset_errors"]

_ENTRIES = 4_000_000  # of one block of a distance or kernel matrix: 32 MB in float64, whatever the number of points


def check_feature_sets(real: Tensor, generated: Tensor, smallest: int) -> tuple[Tensor, Tensor]:
    """Two sets of features in float64 on the CPU, after a check that a metric between them means something.

    Args:
        real: [N, F] features of real data.
        generated: [N, F] features of samples.
        smallest: the smallest N that the metric is defined for.

    Raises:
        DataError: unless both are finite [N, F] of the same size, with N at least ``smallest``.
    """
    for name, cloud in (("real", real), ("generated", generated)):
        if cloud.dim() != 2 or len(cloud) < smallest:
            raise DataError(
                f"{name} features cannot be compared",
                expected=f"[N, F] with N >= {smallest}",
                got=str(list(cloud.shape)),
                fix="flatten each feature vector, and draw more samples",
                code="D064",
            )
        if not torch.isfinite(cloud).all():
            raise DataError(
                f"{name} features are not finite", fix="look at the samples: they hold NaN or infinity", code="D065"
            )
    if real.shape != generated.shape:
        raise DataError(
            "sampling metrics depend on the number of points, so both sides must have the same",
            expected=f"generated features {list(real.shape)}",
            got=str(list(generated.shape)),
            fix="n = min(len(real), len(generated)); compare real[:n] with generated[:n]",
            code="D066",
        )
    return real.detach().cpu().double(), generated.detach().cpu().double()


def chunks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of ``range(rows)`` such that a block [slice, columns] stays small.

    Args:
        rows: of the whole matrix.
        columns: of the whole matrix.
    """
    step = max(1, _ENTRIES // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def neighbour_radii(points: Tensor, k: int) -> Tensor:
    """The distance from each point to its ``k``-th nearest *other* point, and a hair more.

    Distances come from a matrix product, which leaves about 1e-8 between copies. Samples of discrete data hold many
    copies, and a tie should never be decided by rounding: so each radius is widened by a millionth of the points'
    own size.

    Args:
        points: [N, F], N > k.

    Returns:
        Radii [N].

    Example:
        >>> neighbour_radii(torch.tensor([[0.0], [1.0], [3.0]]), k=1).round(decimals=3)
        tensor([1., 1., 2.])
    """
    # Not scikit-learn's neighbours, which round distances otherwise: among near ties other points would be inside.
    # The point itself is among its neighbours, at distance zero: hence k + 1.
    nearest = [distances(points[rows], points).kthvalue(k + 1, dim=1).values for rows in chunks(*[len(points)] * 2)]
    return torch.cat(nearest) + 1e-6 * points.norm(dim=1).mean()


def distances(left: Tensor, right: Tensor) -> Tensor:
    """Euclidean distances of all pairs.

    Args:
        left: [N, F].
        right: [M, F].

    Returns:
        [N, M]
    """
    return torch.cdist(left, right, compute_mode="use_mm_for_euclid_dist")


def subset_errors(
    statistic: Callable[[Tensor, Tensor], Sequence[float]],
    real: Tensor,
    generated: Tensor,
    *,
    num_subsets: int = 20,
    largest: int = 500,
    seed: int = 0,
) -> list[float]:
    """Standard errors of a statistic of two sets of features, by random subsets drawn *without* replacement.

    The ``delete-d jackknife``: with subsets of m out of N points,
    ``se = sqrt(m / (N - m)) * std(statistic over subsets)``; for m = N / 2 the factor is one. An ordinary bootstrap
    draws with replacement, and its copies are their own nearest neighbours at distance zero, which breaks every
    statistic of nearest neighbours.

    Reference:
        Shao and Wu, 1989, A General Theory for Jackknife Variance Estimation.

    Args:
        statistic: maps (real, generated) to the values whose errors are wanted.
        real: [N, F].
        generated: [N, F].
        num_subsets: the error of the standard error is about 1 / sqrt(2 num_subsets), 16 % by default.
        largest: no subset is larger, which bounds the time for large N.

    Returns:
        One standard error for each value of ``statistic``.
    """
    size = len(real)
    keep = min(size // 2, largest)
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        return torch.randperm(size, generator=generator)[:keep]

    values = torch.tensor([statistic(real[draw()], generated[draw()]) for _ in range(num_subsets)])
    return (values.std(dim=0) * math.sqrt(keep / (size - keep))).tolist()
