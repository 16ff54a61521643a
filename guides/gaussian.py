"""A Gaussian from the output of a head: diagonal, or with every covariance."""

from __future__ import annotations

from math import prod
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions.transforms import ReshapeTransform
from torch.nn.functional import softplus

import ppgen.distributions  # noqa: F401  (registers KL(MultivariateNormal || Normal))

__all__ = ["gaussian", "lower_triangle", "num_gaussian", "positive"]

_SOFTPLUS_ONE = 0.5413248546  # softplus of this is 1: a head that gives 0 gives the scale 1
_SMALLEST = 1e-6


def positive(raw: Tensor) -> Tensor:
    """A positive scale from a head's output, 1 at 0."""
    return softplus(raw + _SOFTPLUS_ONE) + _SMALLEST


def num_gaussian(n: int, *, full: bool) -> int:
    """How many numbers describe a Gaussian over ``n`` coordinates."""
    return n + n * (n + 1) // 2 if full else 2 * n


def gaussian(output: Tensor, shape: tuple[int, ...], *, full: bool) -> Any:
    """A Gaussian with events of a shape, from [..., num_gaussian]."""
    n = prod(shape)
    lead = output.shape[:-1]
    loc, raw = output[..., :n], output[..., n : 2 * n]
    if not full or n == 1:
        return dist.Normal(loc.reshape(*lead, *shape), positive(raw).reshape(*lead, *shape)).to_event(len(shape))
    free: Any = dist.MultivariateNormal(loc, scale_tril=lower_triangle(positive(raw), output[..., 2 * n :]))
    return free if shape == (n,) else dist.TransformedDistribution(free, [ReshapeTransform((n,), shape)])


def lower_triangle(diagonal: Tensor, below: Tensor) -> Tensor:
    """A lower-triangular matrix [..., n, n] from its diagonal [..., n] and what is strictly below it, row by row."""
    n = diagonal.shape[-1]
    rows, columns = torch.tril_indices(n, n, -1, device=diagonal.device)
    filled = torch.diag_embed(diagonal).clone()
    filled[..., rows, columns] = below
    return filled
