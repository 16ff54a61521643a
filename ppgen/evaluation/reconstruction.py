"""How much of a data point comes back from its code."""

from __future__ import annotations

import math

from torch import Tensor

from ppgen.errors import DataError
from ppgen.estimate import Estimate

__all__ = ["reconstruction_error"]


def reconstruction_error(x: Tensor, reconstructed: Tensor) -> Estimate:
    """The squared error per dimension, ``mean_n mean_d (x_nd - x'_nd)^2``, in the squared units of the data.

    The same number for every kind of data, also for bits, whose reconstruction is a probability (it is then the Brier
    score): likelihoods of different families would not compare. The standard error is over data points.

    Args:
        x: [N, ...].
        reconstructed: of the same shape; the mean of p(x | z) at the code.

    Returns:
        The error; lower is better.

    Raises:
        DataError: if the shapes differ.

    Example:
        >>> import torch
        >>> reconstruction_error(torch.zeros(4, 2), torch.full((4, 2), 0.5)).value
        0.25
    """
    if x.shape != reconstructed.shape or not len(x):
        raise DataError(
            "a reconstruction has the shape of the data",
            expected=str(list(x.shape)),
            got=str(list(reconstructed.shape)),
        )
    errors = ((x - reconstructed.to(x.device)).double() ** 2).flatten(1).mean(dim=1)
    return Estimate(
        errors.mean().item(),
        errors.std().item() / math.sqrt(len(errors)) if len(errors) > 1 else None,
        kind="unbiased",
        unit="squared",
        per="dimension",
        estimator="mean of p(x | z) at the code",
        num_data=len(errors),
        better="lower",
    )
