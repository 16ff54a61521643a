"""Data copying: whether samples come nearer to the training data than data of the same distribution would."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.feature_sets import chunks, distances
from ppgen.evaluation.metric import Evaluation, Measured, itself, metric
from ppgen.evaluation.sampling import clouds, seen_by

__all__ = ["data_copying", "data_copying_of_samples", "nearest_distances"]


def data_copying(train: Tensor, test: Tensor, generated: Tensor) -> Estimate:
    """How often a sample lies nearer to the training data than a test point does, among all pairs of one with another.

    With d the distance to the nearest training point, it is ``P(d(g) < d(x)) + P(d(g) = d(x)) / 2``, the Mann-Whitney
    statistic of the three-sample test. Samples of the data's own distribution have 0.5, whatever there is of training
    data. More says that they repeat it; less, that they miss the data. A model that repeats some and misses others may
    come out in between: read it beside precision and recall. The standard error is DeLong's, given the training data.

    References: C. Meehan, K. Chaudhuri and S. Dasgupta, "A non-parametric test to detect data-copying in generative
    models", 2020 (arXiv 2004.05675), with one cell; E. DeLong et al., "Comparing the areas under two or more correlated
    ROC curves", 1988.

    Args:
        train: [T, F] features of all data that the model was trained on.
        test: [N, F] features of data that it has not seen, N >= 2.
        generated: [M, F] features of samples, M >= 2.

    Returns:
        The share, for which neither higher nor lower is better.

    Raises:
        DataError: unless all three are finite, of one number of features, and enough.

    Example:
        >>> train, test = torch.tensor([[0.0], [8.0]]), torch.tensor([[1.0], [6.0]])
        >>> data_copying(train, test, torch.tensor([[0.1], [4.0]])).value  # nearer in 2 pairs of 4
        0.5
    """
    far, near = nearest_distances(train, test), nearest_distances(train, generated)
    if min(len(far), len(near)) < 2:
        raise DataError(
            "data copying: there is nothing to compare",
            expected="two test points and two samples at least",
            got=f"{len(far)} and {len(near)}",
            fix="draw more samples",
            code="D137",
        )
    # For each sample the share of test points that are farther, for each test point that of nearer samples.
    by_sample, by_point = _share_above(near, far), 1.0 - _share_above(far, near)
    variance = by_sample.var() / len(near) + by_point.var() / len(far)
    return Estimate(
        by_sample.mean().item(),
        math.sqrt(variance.item()),
        kind="unbiased",
        unit="share",
        per="",
        estimator=f"nearest of {len(train)} training points, {len(far)} against {len(near)}",
        num_data=len(near),
    )


def nearest_distances(train: Tensor, points: Tensor) -> Tensor:
    """The Euclidean distance from each point to the nearest training point, [N] in float64.

    Distances come from a matrix product, which leaves about 1e-8 between copies. Discrete data hold many copies, and
    none of them is nearer than another: so distances are rounded to a millionth of the training points' own size.

    Args:
        train: [T, F].
        points: [N, F].

    Raises:
        DataError: unless both are finite and of one number of features.
    """
    train, points = train.detach().cpu().double(), points.detach().cpu().double()
    fit_together = train.dim() == points.dim() == 2 and train.shape[1] == points.shape[1] and len(train) > 0
    if not fit_together or not (torch.isfinite(train).all() and torch.isfinite(points).all()):
        raise DataError(
            "nearest distances: these features have none",
            expected="finite [T, F] and [N, F]",
            got=f"{list(train.shape)} and {list(points.shape)}",
            fix="flatten each feature vector, and look for NaN among the samples",
            code="D138",
        )
    found = torch.cat([distances(points[rows], train).amin(1) for rows in chunks(len(points), len(train))])
    unit = 1e-6 * train.norm(dim=1).mean().clamp(min=1e-30)
    return (found / unit).round() * unit


def _share_above(values: Tensor, others: Tensor) -> Tensor:
    """For each value the share of the others that are above it, of equal ones half, [N]."""
    order = others.sort().values
    not_above = (torch.searchsorted(order, values) + torch.searchsorted(order, values, right=True)) / 2.0
    return 1.0 - not_above.double() / len(others)


@metric(key="data_copying", prepare=itself, question="sampling", title="nearer than test data", unit="share")
def data_copying_of_samples(evaluation: Evaluation) -> Measured:
    """How often a sample is nearer to the training split than a test point is, beside validation data.

    Kind: unbiased.
    Source: Meehan, Chaudhuri and Dasgupta, 2020 (arXiv 2004.05675).
    """
    found, network = evaluation.prepared(clouds), evaluation.prepared(seen_by)
    data = evaluation.fit.data
    main = main_site(data.split("test"))
    train, held = (network.features(data.split(split)[main]) for split in ("train", "valid"))
    return Measured(
        data_copying(train, found.real, found.generated),
        {"validation data": data_copying(train, found.real, held)},
    )
