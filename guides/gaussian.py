"""A Gaussian over the free coordinates of one latent, from the output of its head."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions.transforms import ReshapeTransform
from torch.nn.functional import softplus

import ppgen.distributions  # noqa: F401  (registers KL(MultivariateNormal || Normal))
from ppgen.nets.gaussian import SOFTPLUS_ONE

__all__ = ["lower_triangle", "normal", "positive", "with_covariance"]

_SMALLEST = 1e-6


def positive(raw: Tensor) -> Tensor:
    """A positive scale from a head's output, 1 at 0."""
    return softplus(raw + SOFTPLUS_ONE) + _SMALLEST


def normal(loc: Tensor, scale: Tensor, shape: tuple[int, ...]) -> Any:
    """Independent Gaussians with events of a shape, from [..., n] each."""
    loc, scale = torch.broadcast_tensors(loc, scale)
    wide = (*loc.shape[:-1], *shape)
    return dist.Normal(loc.reshape(wide), scale.reshape(wide)).to_event(len(shape))


def with_covariance(loc: Tensor, tril: Tensor, shape: tuple[int, ...]) -> Any:
    """A Gaussian with a full covariance and events of a shape, from [..., n] and [..., n, n]."""
    n = loc.shape[-1]
    if n == 1:
        return normal(loc, tril.squeeze(-1), shape)
    free: Any = dist.MultivariateNormal(loc, scale_tril=tril)
    return free if shape == (n,) else dist.TransformedDistribution(free, [ReshapeTransform((n,), shape)])


def lower_triangle(diagonal: Tensor, below: Tensor) -> Tensor:
    """``diag(s) B`` [..., n, n] from ``s`` [..., n] and what is strictly below the unit diagonal of B, row by row."""
    n = diagonal.shape[-1]
    rows, columns = torch.tril_indices(n, n, -1, device=diagonal.device)
    filled = torch.diag_embed(torch.ones_like(diagonal))
    filled[..., rows, columns] = below
    return diagonal.unsqueeze(-1) * filled
