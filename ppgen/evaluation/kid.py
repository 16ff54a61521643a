"""Kernel inception distance: how far samples are from data, in the features of a network."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.estimate import Estimate
from ppgen.evaluation.feature_sets import check_feature_sets, chunks
from ppgen.evaluation.metric import Measured, metric
from ppgen.evaluation.sampling import Clouds, clouds

__all__ = ["kid", "kid_of_samples", "polynomial_kernel"]


def polynomial_kernel(left: Tensor, right: Tensor) -> Tensor:
    """The kernel ``k(x, y) = (x . y / F + 1)^3`` of every pair.

    Args:
        left: [N, F].
        right: [M, F].

    Returns:
        [N, M].
    """
    return (left @ right.mT / left.shape[1] + 1.0) ** 3


def kid(real: Tensor, generated: Tensor) -> Estimate:
    """The squared maximum mean discrepancy between two clouds, unbiased.

    ``KID = mean_{i != j} k(r_i, r_j) + mean_{i != j} k(g_i, g_j) - 2 mean_{i, j} k(r_i, g_j)``

    Its expectation is zero where both clouds come from one distribution, so that half of such values are *negative*:
    they are right, and are not clipped. The value is the mean over all subsets of the two clouds, of any size; the
    usual 100 random subsets of 1000 points estimate it with some noise. The standard error is that of the data, by
    the jackknife of a two-sample U-statistic (each point is left out once, at the cost of row sums); where the two
    distributions are the same it is too large by a factor sqrt(2), hence never too optimistic.

    Reference:
        Bińkowski, Sutherland, Arbel and Gretton, 2018, Demystifying MMD GANs.
        Arvesen, 1969, Jackknifing U-Statistics.

    Args:
        real: [N, F] features of real data, N >= 3.
        generated: [N, F] features of samples.

    Returns:
        The estimate, in units of the kernel; lower is better.

    Raises:
        DataError: unless both are finite and of the same size.

    Example:
        >>> real, generated = torch.zeros(3, 1), torch.ones(3, 1)
        >>> kid(real, generated).value  # k is 1 among the zeros, 8 among the ones, 1 between them
        7.0
    """
    real, generated = check_feature_sets(real, generated, smallest=3)
    n = len(real)
    within_real, _ = _row_and_column_sums(real, real)
    within_generated, _ = _row_and_column_sums(generated, generated)
    within_real -= _self_kernel(real)
    within_generated -= _self_kernel(generated)
    across_real, across_generated = _row_and_column_sums(real, generated)
    cross = across_real.sum()

    def discrepancy(inside: Tensor, n_inside: int, other: Tensor, between: Tensor) -> Tensor:
        return inside / (n_inside * (n_inside - 1)) + other / (n * (n - 1)) - 2.0 * between / (n_inside * n)

    value = discrepancy(within_real.sum(), n, within_generated.sum(), cross)
    variance = torch.zeros((), dtype=torch.float64)
    for own, other, between in (
        (within_real, within_generated, across_real),
        (within_generated, within_real, across_generated),
    ):
        without = discrepancy(own.sum() - 2.0 * own, n - 1, other.sum(), cross - between)
        variance += (n - 1) / n * ((without - without.mean()) ** 2).sum()
    return Estimate(
        value.item(),
        math.sqrt(variance.item()),
        kind="unbiased",
        per="",
        estimator=f"cubic MMD², {n} against {n}",
        num_data=n,
        better="lower",
    )


def _row_and_column_sums(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    rows, columns = [], torch.zeros(len(right), dtype=left.dtype)
    for part in chunks(len(left), len(right)):
        block = polynomial_kernel(left[part], right)
        rows.append(block.sum(1))
        columns += block.sum(0)
    return torch.cat(rows), columns


def _self_kernel(points: Tensor) -> Tensor:
    return ((points**2).sum(1) / points.shape[1] + 1.0) ** 3


@metric(key="kid", prepare=clouds, question="sampling", title="KID", better="lower", headline=True)
def kid_of_samples(found: Clouds) -> Measured:
    """The distance of samples from the test split, beside that of real training data.

    Kind: unbiased.
    Source: Bińkowski et al., 2018 (arXiv 1801.01401).
    """
    return found.measured(kid)
