"""From features of the evidence, and values of other latents, to the numbers that make a distribution."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions.transforms import ReshapeTransform
from torch.nn.functional import softplus

import ppgen.distributions  # noqa: F401  (registers KL(MultivariateNormal || Normal))
from ppgen.nets.layers import SOFTPLUS_ONE

__all__ = [
    "Mixing",
    "beside",
    "lower_triangle",
    "make_head",
    "normal",
    "positive",
    "start_narrow",
    "with_covariance",
]


def make_head(num_features: int, num_read: int, num_outputs: int, width: int) -> nn.Linear | Mixing:
    """Features to numbers, near 0 at first: every guide starts near the standard normal in free coordinates.

    Args:
        num_features: of the evidence.
        num_read: numbers in the values of other latents that the head reads beside it.
        num_outputs: how many numbers to give.
        width: of the hidden layer, if other latents are read.
    """
    if num_read:
        return Mixing(num_features + num_read, num_outputs, width)
    return _near_zero(nn.Linear(num_features, num_outputs))


class Mixing(nn.Module):
    """A hidden layer that mixes evidence and latents, beside an affine map: ``[..., inputs] -> [..., outputs]``.

    The affine map is there because the conditionals of a linear-Gaussian posterior are affine in data and latents: a
    guide reaches them exactly, with the hidden layer at rest.
    """

    def __init__(self, in_features: int, out_features: int, width: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.affine = _near_zero(nn.Linear(in_features, out_features))
        self.hidden = nn.Sequential(
            nn.Linear(in_features, width), nn.SiLU(), _near_zero(nn.Linear(width, out_features))
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """The sum of both."""
        return self.affine(inputs) + self.hidden(inputs)


def beside(features: Tensor, known: list[Tensor]) -> Tensor:
    """Features [batch, F] beside values read [..., batch, n]; leading dims are particles or enumerated values."""
    if not known:
        return features
    lead = torch.broadcast_shapes(features.shape[:-1], *(read.shape[:-1] for read in known))
    return torch.cat([read.to(features.dtype).expand(*lead, -1) for read in (features, *known)], -1)


def _near_zero(layer: nn.Linear) -> nn.Linear:
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias.zero_()
    return layer


def start_narrow(num_free: int, num_outputs: int) -> Tensor:
    """Where the outputs of a global latent begin: at scale 0.1 in free coordinates, as Pyro's autoguides do.

    All data speak of it, so that its posterior is narrow. From a scale of 1 the first draws lie far out, with gradients
    so large that Adam, which divides by the size of those it has seen, hardly moves for a thousand steps.
    """
    start = torch.zeros(num_outputs)
    start[num_free : 2 * num_free] = -2.7935  # a scale of 0.1, see ppgen.guides.heads.positive
    return start


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
