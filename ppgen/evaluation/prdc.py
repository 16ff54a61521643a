"""Precision, recall, density and coverage: how the neighbourhoods of real and of generated features overlap."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ppgen.estimate import Estimate
from ppgen.evaluation.feature_sets import check_feature_sets, chunks, distances, neighbour_radii, subset_errors
from ppgen.evaluation.metric import Evaluation, Measured, metric
from ppgen.evaluation.sampling import clouds

__all__ = [
    "coverage",
    "density",
    "density_and_coverage",
    "expected_coverage",
    "precision",
    "precision_and_recall",
    "recall",
]


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


def _manifolds(evaluation: Evaluation) -> tuple[Measured, Measured]:
    """Precision and recall of samples, each beside that of real training data."""
    return _beside_real_data(precision_and_recall, evaluation)


def _neighbourhoods(evaluation: Evaluation) -> tuple[Measured, Measured]:
    """Density and coverage, likewise."""
    return _beside_real_data(density_and_coverage, evaluation)


def _beside_real_data(
    pair: Callable[..., tuple[Estimate, Estimate]], evaluation: Evaluation
) -> tuple[Measured, Measured]:
    found = evaluation.prepared(clouds)
    both = functools.cache(functools.partial(pair, seed=evaluation.seed))  # of each pair of sets, two numbers at once
    return found.measured(lambda *sets: both(*sets)[0]), found.measured(lambda *sets: both(*sets)[1])


@metric(prepare=_manifolds, question="sampling", better="higher")
def precision(found: tuple[Measured, Measured]) -> Measured:
    """How many samples lie on the manifold of the data.

    Kind: biased.
    Source: Kynkäänniemi et al., 2019 (arXiv 1904.06991).
    """
    return found[0]


@metric(prepare=_manifolds, question="sampling", better="higher")
def recall(found: tuple[Measured, Measured]) -> Measured:
    """How many data points lie on the manifold of the samples.

    Kind: biased.
    Source: Kynkäänniemi et al., 2019 (arXiv 1904.06991).
    """
    return found[1]


@metric(prepare=_neighbourhoods, question="sampling", better="higher")
def density(found: tuple[Measured, Measured]) -> Measured:
    """How densely samples fall among the data.

    Kind: biased.
    Source: Naeem et al., 2020 (arXiv 2002.09797).
    """
    return found[0]


@metric(prepare=_neighbourhoods, question="sampling", better="higher", headline=True)
def coverage(found: tuple[Measured, Measured]) -> Measured:
    """How much of the data has a sample nearby.

    Kind: biased.
    Source: Naeem et al., 2020 (arXiv 2002.09797).
    """
    return found[1]
