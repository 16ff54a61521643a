"""Fréchet inception distance: how far samples are from data as two Gaussians, in the features of a network."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.feature_sets import check_feature_sets
from ppgen.evaluation.metric import Measured, metric
from ppgen.evaluation.sampling import Clouds, clouds

__all__ = ["fid", "fid_of_samples"]


def fid(real: Tensor, generated: Tensor) -> Estimate:
    """The squared Wasserstein-2 distance between Gaussians that have the moments of two clouds.

    ``FID = |m_r - m_g|^2 + tr(S_r + S_g - 2 (S_r S_g)^(1/2))`` with means m and covariances S.

    It is biased upwards, by an amount that falls as 1 / N and is another for each model, so that it compares only at
    one N, and beside its floor: real data against as many other real data. With no more points than features a
    covariance is singular whatever the model, and there is no number. The standard error is of first order in the
    moments: the spread over points of ``2 (m_r - m_g) . x + (x - m)' (I - T) (x - m)``, where T is the map that
    carries the point's own Gaussian to the other; it knows nothing of the bias.

    References: M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
    2017 (arXiv 1706.08500); M. Chong and D. Forsyth, "Effectively unbiased FID and Inception Score and where to find
    them", 2020 (arXiv 1911.07023), for the bias.

    Args:
        real: [N, F] features of real data, N > F.
        generated: [N, F] features of samples.

    Returns:
        The estimate, in squared units of the features; lower is better.

    Raises:
        DataError: unless both are finite, of the same size, and more than there are features.

    Example:
        >>> cloud = torch.randn(100, 3)
        >>> round(fid(cloud, cloud + 2.0).value, 4)  # the same shape, moved by 2 along each axis
        12.0
    """
    real, generated = check_feature_sets(real, generated, smallest=2)
    n, num_features = real.shape
    if n <= num_features:
        raise DataError(
            f"FID: a covariance of {num_features} features from {n} points is singular",
            expected=f"more than {num_features} points of each",
            got=str(n),
            fix='metrics=["kid"], which is unbiased for any number of points; or more data, or fewer features',
            code="D139",
        )
    means = real.mean(0), generated.mean(0)
    spreads = [points.T.cov().reshape(num_features, -1) for points in (real, generated)]
    roots = [_powers(spread)[0] for spread in spreads]
    # The trace of (S_r S_g)^(1/2) is that of the symmetric (S_r^(1/2) S_g S_r^(1/2))^(1/2).
    middle, _ = _powers(roots[0] @ spreads[1] @ roots[0])
    shift = means[0] - means[1]
    value = shift @ shift + spreads[0].trace() + spreads[1].trace() - 2.0 * middle.trace()
    variance = 0.0
    for points, mean, own, other, sign in (
        (real, means[0], spreads[0], roots[1], 1.0),
        (generated, means[1], spreads[1], roots[0], -1.0),
    ):
        _, inverse = _powers(other @ own @ other)
        carried = other @ inverse @ other
        centred = points - mean
        pull = 2.0 * sign * centred @ shift + (centred * (centred - centred @ carried)).sum(1)
        variance += pull.var().item() / n
    return Estimate(
        max(0.0, value.item()),  # rounding may leave a little below zero between copies
        math.sqrt(variance),
        kind="biased",
        per="",
        estimator=f"{num_features} features, {n} against {n}",
        num_data=n,
        better="lower",
    )


def _powers(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The square root of a symmetric matrix without negative directions, and the pseudo-inverse of that root."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2.0)
    roots = values.clamp(min=0.0).sqrt()
    # An eigenvalue below rounding is none.
    known = values > values[-1].clamp(min=0.0) * len(values) * torch.finfo(values.dtype).eps
    inverse = torch.where(known, roots, 1.0).reciprocal() * known
    return vectors * roots @ vectors.T, vectors * inverse @ vectors.T


@metric(key="fid", prepare=clouds, question="sampling", title="FID", better="lower")
def fid_of_samples(found: Clouds) -> Measured:
    """The distance of samples from the test split as Gaussians, beside that of real training data.

    Kind: biased.
    Source: Heusel et al., 2017 (arXiv 1706.08500).
    """
    return found.measured(fid)
