"""The share of right answers, with its binomial standard error."""

from __future__ import annotations

import math

import numpy as np

from ppgen.errors import DataError
from ppgen.estimate import Estimate

__all__ = ["accuracy", "check_labelled"]


def accuracy(predicted: np.ndarray, actual: np.ndarray, estimator: str) -> Estimate:
    """The share p of right answers among N, with standard error ``sqrt(p (1 - p) / N)``.

    Example:
        >>> print(accuracy(np.array([1, 2, 3, 3]), np.array([1, 2, 3, 4]), "by hand"))
        0.75 ± 0.22 accuracy (unbiased, by hand, n=4)
    """
    share = float(np.mean(predicted == actual))
    return Estimate(
        share,
        math.sqrt(share * (1.0 - share) / len(actual)),
        kind="unbiased",
        unit="accuracy",
        estimator=estimator,
        num_data=len(actual),
        better="higher",
    )


def check_labelled(codes: np.ndarray, labels: np.ndarray, what: str) -> None:
    """Refuse codes that a classifier cannot be fitted to or tested on.

    Raises:
        DataError: unless ``codes`` are finite [N, D] with one label for each row.
    """
    if codes.ndim != 2 or labels.shape != codes.shape[:1] or not len(codes):
        raise DataError(
            f"{what} codes and labels do not fit",
            expected="codes [N, D] and labels [N]",
            got=f"codes {list(codes.shape)} and labels {list(labels.shape)}",
            fix="flatten the code of each data point",
        )
    if not np.isfinite(codes).all():
        raise DataError(f"{what} codes are not finite", fix="look at the encoder: its output holds NaN or infinity")
