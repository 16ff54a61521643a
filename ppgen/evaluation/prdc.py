"""Precision, recall, density and coverage of samples, in the features of a network."""

from __future__ import annotations

import torch
from torch import Tensor

from ppgen.estimate import Estimate
from ppgen.evaluation.feature_sets import check_feature_sets, chunks, distances, neighbour_radii, subset_errors

__all__ = ["density_and_coverage", "expected_coverage", "precision_and_recall"]


def precision_and_recall(real: Tensor, generated: Tensor, *, k: int = 3, seed: int = 0) -> tuple[Estimate, Estimate]:
    """How many samples lie on the manifold of the data, and how many data points on that of the samples.

    The manifold of a cloud is the union of balls around its points, each as large as the distance to its ``k``-th
    nearest other point. A point on the surface of a ball is inside: with a strict inequality, copies in discrete data
    would count as misses.

    Both depend on the number of points and on single outliers, so they are read beside the same numbers for real
    training data. Standard errors are by random halves (:func:`~ppgen.evaluation.feature_sets.subset_errors`).

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
    real, generated = check_feature_sets(real, generated, smallest=2 * (k + 1))

    def statistic(real: Tensor, generated: Tensor) -> list[float]:
        return [_share_inside(real, generated, k), _share_inside(generated, real, k)]

    values = statistic(real, generated)
    errors = subset_errors(statistic, real, generated, seed=seed)
    precision, recall = (
        Estimate(
            value,
            error,
            kind="biased",
            per="",
            estimator=f"k={k}, {len(real)} against {len(real)}",
            num_data=len(real),
            better="higher",
        )
        for value, error in zip(values, errors, strict=True)
    )
    return precision, recall


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
    is inside. Standard errors are by random halves (:func:`~ppgen.evaluation.feature_sets.subset_errors`).

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
    real, generated = check_feature_sets(real, generated, smallest=2 * (k + 1))

    def statistic(real: Tensor, generated: Tensor) -> list[float]:
        return _density_and_coverage(real, generated, k)

    values = statistic(real, generated)
    errors = subset_errors(statistic, real, generated, seed=seed)
    density, coverage = (
        Estimate(
            value,
            error,
            kind="biased",
            per="",
            estimator=f"k={k}, {len(real)} against {len(real)}",
            num_data=len(real),
            better="higher",
        )
        for value, error in zip(values, errors, strict=True)
    )
    return density, coverage


def expected_coverage(num_points: int, k: int = 5) -> float:
    """The coverage of N samples from the distribution of the N data points themselves.

    ``1 - (N - 1) ... (N - k) / ((2N - 1) ... (2N - k))``: a real point is missed if its k nearest among all others,
    N - 1 real and N generated, are all real.

    Example:
        >>> round(expected_coverage(10_000), 3)
        0.969
    """
    missed = 1.0
    for i in range(1, k + 1):
        missed *= (num_points - i) / (2 * num_points - i)
    return 1.0 - missed


def _density_and_coverage(real: Tensor, generated: Tensor, k: int) -> list[float]:
    radii = neighbour_radii(real, k)
    inside = [
        (distances(real[rows], generated) <= radii[rows, None]).sum(dim=1) for rows in chunks(len(real), len(generated))
    ]
    counts = torch.cat(inside).double()
    return [counts.sum().item() / (k * len(generated)), (counts > 0).double().mean().item()]
