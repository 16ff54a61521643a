"""Precision and recall of samples: are they real-looking, and is all of the data covered?"""

from __future__ import annotations

import torch
from torch import Tensor

from ppgen.estimate import Estimate
from ppgen.evaluation.clouds import check_clouds, chunks, distances, neighbour_radii, subset_errors

__all__ = ["precision_and_recall"]


def precision_and_recall(real: Tensor, generated: Tensor, *, k: int = 3, seed: int = 0) -> tuple[Estimate, Estimate]:
    """How many samples lie on the manifold of the data, and how many data points on that of the samples.

    The manifold of a cloud is the union of balls around its points, each as large as the distance to its ``k``-th
    nearest other point. A point on the surface of a ball is inside: with a strict inequality, copies in discrete data
    would count as misses.

    Both depend on the number of points and on single outliers, so they are read beside the same numbers for real
    training data. Standard errors are by random halves (:func:`~ppgen.evaluation.clouds.subset_errors`).

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
    real, generated = check_clouds(real, generated, smallest=2 * (k + 1))

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
