"""The trivial density beside every other: independent dimensions, fitted to the training split."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.errors import DataError, SettingError

__all__ = ["factorised_log_prob"]


def factorised_log_prob(train: Tensor, test: Tensor, measure: str, counted: Tensor | None = None) -> Tensor:
    """The exact log-density of each test point under independent dimensions fitted to the training split.

    ``"binary"``: Bernoulli with ``p_d = (ones_d + 1) / (N + 2)``, Laplace's rule.
    ``"continuous"``, ``"unit interval"``: Gaussian with the mean and
    ``var_d = (sum_n (x_nd - mean_d)^2 + v) / (N + 1)``, where v is the mean variance of all dimensions: one imagined
    data point that keeps a constant dimension from an infinite density.

    Args:
        train: [N, ...].
        test: [M, ...] of the same event shape.
        measure: of the data set.
        counted: the dimensions of each test point whose densities are summed, [M, ...] of bools; default: all.

    Returns:
        Log-densities [M] in nats, float64.

    Raises:
        DataError: if shapes differ, a binary data set holds other values than 0 and 1, or all data are equal.
        SettingError: for a measure that has no such baseline here.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0], [1.0]])
        >>> factorised_log_prob(x, x, "binary").exp()
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    if train.shape[1:] != test.shape[1:] or not len(train) or not len(test):
        raise DataError(
            "a density needs training and test data of one shape",
            expected=str(list(train.shape[1:])),
            got=str(list(test.shape[1:])),
            fix="evaluate on data of the shape that was trained on",
            code="D061",
        )
    train, test = (x.detach().cpu().reshape(len(x), -1).double() for x in (train, test))
    counts = torch.ones_like(test) if counted is None else counted.detach().cpu().reshape(len(test), -1).double()
    if measure == "binary":
        if any(((x != 0.0) & (x != 1.0)).any() for x in (train, test)):
            raise DataError(
                "binary data hold other values than 0 and 1",
                fix='ppgen.data.load(name, binarize="static")',
                code="D062",
            )
        p = (train.sum(dim=0) + 1.0) / (len(train) + 2.0)
        return (counts * test) @ p.log() + (counts * (1.0 - test)) @ (-p).log1p()
    if measure in ("continuous", "unit interval"):
        mean, spread = train.mean(dim=0), train.var(dim=0, correction=0)
        if not spread.mean() > 0.0:
            raise DataError(
                "all training data are equal: a Gaussian density of them is infinite",
                fix="use data that differ from each other",
                code="D063",
            )
        variance = (len(train) * spread + spread.mean()) / (len(train) + 1.0)
        return -0.5 * (counts * ((test - mean) ** 2 / variance + (2.0 * math.pi * variance).log())).sum(dim=1)
    raise SettingError(
        "no trivial density for this measure",
        expected="binary, continuous or unit interval",
        got=repr(measure),
        fix='ppgen.data.from_tensors(..., measure="continuous")',
        code="S064",
    )
