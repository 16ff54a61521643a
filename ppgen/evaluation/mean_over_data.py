"""The mean of a number that every datum has, with its standard error."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from ppgen.estimate import Estimate

__all__ = ["mean_over_data"]


def mean_over_data(values: Tensor, **said: Any) -> Estimate:
    """The mean of values by datum; its standard error is over data, and there is none of a single one.

    Args:
        values: [N], float64.
        **said: what the number is, as :class:`~ppgen.estimate.Estimate` takes it.

    Example:
        >>> import torch
        >>> print(mean_over_data(torch.tensor([1.0, 2.0, 3.0]).double(), unit="sd", estimator="shown"))
        2.00 ± 0.58 sd (unbiased, shown, n=3)
    """
    error = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else None
    return Estimate(float(values.mean()), error, num_data=len(values), **said)
