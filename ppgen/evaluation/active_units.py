"""How many units of a code carry something."""

from __future__ import annotations

import torch
from torch import Tensor

from ppgen.errors import DataError
from ppgen.estimate import Estimate

__all__ = ["count_active_units"]


def count_active_units(codes: Tensor, *, threshold: float = 0.01, seed: int = 0) -> Estimate:
    """The number of units whose posterior mean moves: ``sum_d [Var_x(E[z_d | x]) > threshold]``.

    The threshold is meant for codes with a standard normal prior; where units have another scale, the count depends
    on it. The standard error is by a bootstrap of the data points.

    Reference:
        Burda, Grosse and Salakhutdinov, 2016, Importance Weighted Autoencoders, section 5.2.

    Args:
        codes: posterior means [N, D], N >= 2.
        threshold: in squared units of the codes.
        seed: of the bootstrap.

    Returns:
        The count; neither more nor fewer is better.

    Raises:
        DataError: unless ``codes`` are [N, D] with N >= 2.

    Example:
        >>> count_active_units(torch.tensor([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])).value
        1.0
    """
    if codes.dim() != 2 or len(codes) < 2:
        raise DataError("active units need codes [N, D] with N >= 2", got=str(list(codes.shape)))
    codes = codes.detach().cpu().double()
    codes = codes - codes.mean(dim=0)  # so that the variance below, a difference of moments, loses no digits
    size = len(codes)
    generator = torch.Generator().manual_seed(seed)
    counts = []
    for _ in range(100):
        rows = torch.randint(size, (size,), generator=generator)
        weights = torch.bincount(rows, minlength=size).double() / size
        mean, square = weights @ codes, weights @ codes**2
        counts.append(((square - mean**2) > threshold).sum())
    return Estimate(
        (codes.var(dim=0) > threshold).sum().item(),
        torch.stack(counts).double().std().item(),
        kind="biased",
        unit=f"of {codes.shape[1]}",
        estimator=f"variance of the posterior mean > {threshold:g}",
        num_data=size,
    )
