"""Precision, recall, density and coverage: how the neighbourhoods of real and of generated features overlap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from ppgen.errors import DataError
from ppgen.estimate import Estimate

__all__ = [
    "check_feature_sets",
    "chunks",
    "density_and_coverage",
    "distances",
    "expected_coverage",
    "neighbour_radii",
    "precision_and_recall",
    "subset_errors",
]

_ENTRIES = 4_000_000  # of one block of a distance or kernel matrix: 32 MB in float64, whatever the number of points


def precision_and_recall(real: Tensor, generated: Tensor, *, k: int = 3, seed: int = 0) -> tuple[Estimate, Estimate]:
    """How many samples lie on the manifold of the data, and how many data points on that of the samples.

    The manifold of a cloud is the union of balls around its points, each as large as the distance to its ``k``-th
    nearest other point. A point on the surface of a ball is inside: with a strict inequality, copies in discrete data
    would count as misses.

    Both depend on the number of points and on single outliers, so they are read beside the same numbers for real
    training data. Standard errors are by random halves (:func:`subset_errors`).

    Reference:
        Kynkäänniemi, Karras, Laine, Lehtinen and Aila, 2019, Improved Precision and Recall Metric.

    Args:
        real: [N, F] features of real data, N >= 2 (k + 1).
        generated: [N, F] features of samples.
        k: neighbours that define a ball.

    Returns:
        (precision, recall), each between 0 and 1; higher is better.

    Raises:
        DataError: unless both are finite and of the same size.

    Example:
        >>> cloud = torch.randn(50, 2)
        >>> precision, recall = precision_and_recall(cloud, cloud + 100.0)
        >>> precision.value, recall.value
        (0.0, 0.0)
    """
    return _estimated(_precision_and_recall, real, generated, k, seed)


def _precision_and_recall(real: Tensor, generated: Tensor, k: int) -> tuple[float, float]:
    return _share_inside(real, generated, k), _share_inside(generated, real, k)


def _share_inside(centres: Tensor, points: Tensor, k: int) -> float:
    """The share of ``points`` that lie in at least one ball around ``centres``."""
    radii = neighbour_radii(centres, k)
    inside = [(distances(points[rows], centres) <= radii).any(dim=1) for rows in chunks(len(points), len(centres))]
    return torch.cat(inside).double().mean().item()


def density_and_coverage(real: Tensor, generated: Tensor, *, k: int = 5, seed: int = 0) -> tuple[Estimate, Estimate]:
    """How densely samples fall among the data, and how much of the data has a sample nearby.

    With the ball ``B_i`` around each real point, as large as the distance to its ``k``-th nearest other real point:

    ``density = (1 / (k N)) sum_j sum_i [g_j in B_i]``;  ``coverage = (1 / N) sum_i [some g_j in B_i]``

    Where both clouds come from one distribution, density tends to 1 and coverage to
    :func:`expected_coverage`. Density may exceed 1 where samples crowd at the modes. A point on the surface of a ball
    is inside. Standard errors are by random halves (:func:`subset_errors`).

    Reference:
        Naeem, Oh, Uh, Choi and Yoo, 2020, Reliable Fidelity and Diversity Metrics for Generative Models.

    Args:
        real: [N, F] features of real data, N >= 2 (k + 1).
        generated: [N, F] features of samples.
        k: neighbours that define a ball.

    Returns:
        (density, coverage); higher is better, density above 1 is no better than 1.

    Raises:
        DataError: unless both are finite and of the same size.

    Example:
        >>> cloud = torch.randn(50, 2)
        >>> density, coverage = density_and_coverage(cloud, cloud)
        >>> density.value > 1.0, coverage.value
        (True, 1.0)
    """
    return _estimated(_density_and_coverage, real, generated, k, seed)


def _density_and_coverage(real: Tensor, generated: Tensor, k: int) -> tuple[float, float]:
    radii = neighbour_radii(real, k)
    inside = [
        (distances(real[rows], generated) <= radii[rows, None]).sum(dim=1) for rows in chunks(len(real), len(generated))
    ]
    counts = torch.cat(inside).double()
    return counts.sum().item() / (k * len(generated)), (counts > 0).double().mean().item()


def expected_coverage(num_points: int, k: int = 5) -> float:
    """The coverage of N samples from the distribution of the N data points themselves.

    ``1 - (N - 1) ... (N - k) / ((2N - 1) ... (2N - k))``: a real point is missed if its k nearest among all others,
    N - 1 real and N generated, are all real.

    Args:
        num_points: N.
        k: neighbours that define a ball.

    Example:
        >>> round(expected_coverage(10_000), 3)
        0.969
    """
    return 1.0 - math.prod((num_points - i) / (2 * num_points - i) for i in range(1, k + 1))


def _estimated(
    statistic: Callable[[Tensor, Tensor, int], tuple[float, float]],
    real: Tensor,
    generated: Tensor,
    k: int,
    seed: int,
) -> tuple[Estimate, Estimate]:
    """Two statistics of a pair of feature sets, with their standard errors."""
    real, generated = check_feature_sets(real, generated, smallest=2 * (k + 1))
    size = len(real)
    values = statistic(real, generated, k)
    errors = subset_errors(lambda one, other: statistic(one, other, k), real, generated, seed=seed)
    first, second = (
        Estimate(
            value,
            error,
            kind="biased",
            per="",
            estimator=f"k={k}, {size} against {size}",
            num_data=size,
            better="higher",
        )
        for value, error in zip(values, errors, strict=True)
    )
    return first, second


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
            )
        if not torch.isfinite(cloud).all():
            raise DataError(f"{name} features are not finite", fix="look at the samples: they hold NaN or infinity")
    if real.shape != generated.shape:
        raise DataError(
            "sampling metrics depend on the number of points, so both sides must have the same",
            expected=f"generated features {list(real.shape)}",
            got=str(list(generated.shape)),
            fix="n = min(len(real), len(generated)); compare real[:n] with generated[:n]",
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
