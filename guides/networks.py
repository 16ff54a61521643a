"""The networks of a derived guide: an encoder of everything observed, and a head for each latent."""

from __future__ import annotations

import math
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
    "near_zero",
    "normal",
    "positive",
    "shaped",
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
    return near_zero(nn.Linear(num_features, num_outputs))


class Mixing(nn.Module):
    """A hidden layer that mixes evidence and latents, beside an affine map: ``[..., inputs] -> [..., outputs]``.

    The affine map is there because the conditionals of a linear-Gaussian posterior are affine in data and latents: a
    guide reaches them exactly, with the hidden layer at rest.
    """

    def __init__(self, in_features: int, out_features: int, width: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.affine = near_zero(nn.Linear(in_features, out_features))
        self.hidden = nn.Sequential(nn.Linear(in_features, width), nn.SiLU(), near_zero(nn.Linear(width, out_features)))

    def forward(self, inputs: Tensor) -> Tensor:
        """The sum of both, [..., outputs], at inputs [..., inputs]."""
        return self.affine(inputs) + self.hidden(inputs)


def beside(features: Tensor, known: list[Tensor]) -> Tensor:
    """Features beside the values of other latents, [..., batch, F + n]; leading dims: particles or enumerated values.

    Args:
        features: [batch, F].
        known: values read, [..., batch, n] each.
    """
    if not known:
        return features
    lead = torch.broadcast_shapes(features.shape[:-1], *(read.shape[:-1] for read in known))
    return torch.cat([read.to(features.dtype).expand(*lead, -1) for read in (features, *known)], -1)


def near_zero(layer: nn.Linear) -> nn.Linear:
    """A layer whose outputs are near 0 at first."""
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias.zero_()
    return layer


def start_narrow(num_free: int, num_outputs: int, spread: float = 0.1) -> Tensor:
    """Where the outputs of a global latent begin: at scale 0.1 in the guide's coordinates, as Pyro's autoguides do.

    All data speak of it, so that its posterior is narrow. From a scale of 1 the first draws lie far out, with gradients
    so large that Adam, which divides by the size of those it has seen, hardly moves for a thousand steps.

    Args:
        num_free: free coordinates of the latent, whose locations come first and scales second.
        num_outputs: how many numbers, [num_outputs].
        spread: another scale.
    """
    start = torch.zeros(num_outputs)
    start[num_free : 2 * num_free] = math.log(math.expm1(spread)) - SOFTPLUS_ONE  # see positive
    return start


_SMALLEST = 1e-6


def positive(raw: Tensor) -> Tensor:
    """A positive scale from a head's output, 1 at 0: [...] to [...]."""
    return softplus(raw + SOFTPLUS_ONE) + _SMALLEST


def normal(loc: Tensor, scale: Tensor, shape: tuple[int, ...]) -> Any:
    """Independent Gaussians with events of a shape.

    Args:
        loc: [..., n].
        scale: [..., n].
        shape: of events, n numbers.
    """
    loc, scale = torch.broadcast_tensors(loc, scale)
    wide = (*loc.shape[:-1], *shape)
    return dist.Normal(loc.reshape(wide), scale.reshape(wide)).to_event(len(shape))


def with_covariance(loc: Tensor, tril: Tensor, shape: tuple[int, ...]) -> Any:
    """A Gaussian with a full covariance and events of a shape.

    Args:
        loc: [..., n].
        tril: Cholesky factor of the covariance, [..., n, n].
        shape: of events, n numbers.
    """
    if loc.shape[-1] == 1:
        return normal(loc, tril.squeeze(-1), shape)
    return shaped(dist.MultivariateNormal(loc, scale_tril=tril), shape)


def shaped(free: Any, shape: tuple[int, ...]) -> Any:
    """A distribution of vectors, with events of a shape.

    Args:
        free: of events [n].
        shape: of events, n numbers.
    """
    reshape = ReshapeTransform(free.event_shape, torch.Size(shape))
    return free if shape == free.event_shape else dist.TransformedDistribution(free, [reshape])


def lower_triangle(diagonal: Tensor, below: Tensor) -> Tensor:
    """The Cholesky factor ``diag(s) B``, [..., n, n], with a unit lower-triangular B.

    Args:
        diagonal: s, [..., n].
        below: the entries of B strictly below its diagonal, row by row, [..., n (n - 1) / 2].
    """
    n = diagonal.shape[-1]
    rows, columns = torch.tril_indices(n, n, -1, device=diagonal.device)
    filled = torch.diag_embed(torch.ones_like(diagonal))
    filled[..., rows, columns] = below
    return diagonal.unsqueeze(-1) * filled
