"""How far a guide's draws are from gold draws of the same posterior, in units of the posterior's own spread."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.errors import DataError

__all__ = ["PosteriorDistance", "posterior_distance"]

_DIRECTIONS = 64
_QUANTILES = 400


@dataclasses.dataclass(frozen=True)
class PosteriorDistance:
    """Of each datum, [N]; coordinates are measured in standard deviations of the gold draws.

    Args:
        mean_shift: root mean square over coordinates of the difference of means.
        scale_ratio: geometric mean over coordinates of the ratio of standard deviations, guide to gold; below 1 where
            the guide is too narrow.
        covariance_error: Frobenius norm of the difference of covariances, relative to that of the gold one.
        sliced_wasserstein: Wasserstein-1 distance of projections, a mean over random directions.
    """

    mean_shift: Tensor
    scale_ratio: Tensor
    covariance_error: Tensor
    sliced_wasserstein: Tensor


def posterior_distance(
    draws: Mapping[str, Tensor], gold: Mapping[str, Tensor], *, generator: torch.Generator | None = None
) -> PosteriorDistance:
    """Compare two sets of draws of the same latents, datum by datum.

    All coordinates of all latents are taken together. Draws are finite in number, so that equal posteriors are some way
    apart too: about ``1 / sqrt(effective draws)`` in each measure. Hold that beside the numbers: halves of the gold
    draws against each other.

    Reference: N. Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015.

    Args:
        draws: of the guide, by latent, [K, N, *event].
        gold: draws of the posterior, [S, N, *event].
        generator: of the directions.

    Raises:
        DataError: for other latents, data or events than the gold draws have, or fewer than 2 draws.

    Example:
        >>> gold = torch.randn(4000, 1, 2, generator=torch.Generator().manual_seed(0))
        >>> found = posterior_distance({"z": 0.5 * gold + 1.0}, {"z": gold})
        >>> round(float(found.mean_shift), 1), round(float(found.scale_ratio), 2)
        (1.0, 0.5)
    """
    if {name: value.shape[1:] for name, value in draws.items()} != {n: v.shape[1:] for n, v in gold.items()}:
        raise DataError(
            "posterior_distance: these are not draws of the same latents of the same data",
            expected=", ".join(f"{name} [*, {_sizes(value)}]" for name, value in gold.items()),
            got=", ".join(f"{name} [*, {_sizes(value)}]" for name, value in draws.items()),
            fix="fit.posterior(data) and fit.gold_posterior(data) with the same data",
            code="D108",
        )
    ours, theirs = (_joined({name: given[name] for name in gold}) for given in (draws, gold))
    if min(len(ours), len(theirs)) < 2:
        raise DataError(
            "posterior_distance: one draw has no spread",
            expected="at least 2 draws of each",
            got=f"{len(ours)} and {len(theirs)}",
            fix="fit.gold_posterior(data, num_draws=1000)",
            code="D109",
        )
    center, unit = theirs.mean(0), theirs.std(0)
    unit = torch.where(unit > 0, unit, torch.ones_like(unit))  # what never moves, such as a corner of a Cholesky factor
    ours, theirs = (ours - center) / unit, (theirs - center) / unit
    moves = (theirs.std(0) > 0) | (ours.std(0) > 0)
    count = moves.sum(-1).clamp(min=1)
    ratio = torch.where(moves, ours.std(0).clamp(min=1e-12).log() - theirs.std(0).clamp(min=1e-12).log(), 0.0)
    covariances = [torch.einsum("knd,kne->nde", a - a.mean(0), a - a.mean(0)) / (len(a) - 1) for a in (ours, theirs)]
    direction = torch.randn(_DIRECTIONS, ours.shape[-1], dtype=ours.dtype, generator=generator)
    direction = direction / direction.norm(dim=1, keepdim=True)
    levels = (torch.arange(_QUANTILES, dtype=ours.dtype) + 0.5) / _QUANTILES
    quantiles = [_quantiles(torch.einsum("knd,md->knm", a, direction), levels) for a in (ours, theirs)]
    return PosteriorDistance(
        mean_shift=(ours.mean(0).square().sum(-1) / count).sqrt(),
        scale_ratio=(ratio.sum(-1) / count).exp(),
        covariance_error=(covariances[0] - covariances[1]).flatten(1).norm(dim=1)
        / covariances[1].flatten(1).norm(dim=1).clamp(min=1e-12),
        sliced_wasserstein=(quantiles[0] - quantiles[1]).abs().mean((0, 2)),
    )


def _quantiles(values: Tensor, levels: Tensor) -> Tensor:
    """Quantiles of projections [K, N, M] at levels, [levels, N, M], interpolated between order statistics."""
    place = levels * (len(values) - 1)
    low = place.floor().long()
    ordered = values.sort(0).values
    return torch.lerp(ordered[low], ordered[(low + 1).clamp(max=len(values) - 1)], (place - low)[:, None, None])


def _joined(draws: Mapping[str, Tensor]) -> Tensor:
    """All coordinates of all latents beside each other, [K, N, D], float64."""
    return torch.cat([value.double().reshape(*value.shape[:2], -1) for value in draws.values()], 2)


def _sizes(value: Tensor) -> str:
    return ", ".join(map(str, value.shape[1:]))
