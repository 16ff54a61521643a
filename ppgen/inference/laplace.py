"""Laplace's approximation: the best of several modes of a log-density, and its curvature there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

__all__ = ["Mode", "find_mode"]

_BAD = 1e20
"""What a point costs whose density is not a number, so that a line search turns back from it."""


@dataclasses.dataclass(frozen=True)
class Mode:
    """A mode, and the Gaussian that has its curvature.

    Args:
        at: where, [D].
        precision: minus the Hessian of the log-density, [D, D], positive definite.
        log_density: at the mode.
    """

    at: Tensor
    precision: Tensor
    log_density: float

    @property
    def log_evidence(self) -> float:
        """Laplace's estimate of the log of the density's integral: what one mode has to say beside another."""
        half_log_det = float(torch.linalg.cholesky(self.precision).diagonal().log().sum())
        return self.log_density + 0.5 * len(self.at) * math.log(2 * math.pi) - half_log_det


def find_mode(
    log_density: Callable[[Tensor], Tensor], starts: Iterable[Tensor], precision: torch.dtype = torch.float64
) -> Mode | None:
    """Climb from every start, and keep the mode with the largest evidence.

    L-BFGS goes most of the way, Newton's method the rest: with its step as the measure, a mode is found to a hundredth
    of its own spread in every direction, however the coordinates are scaled. A mode counts only if the density falls
    off from it in all directions. (Pathfinder, Zhang et al., 2022, climbs and chooses likewise.)

    Args:
        log_density: a smooth function of [D], up to a constant.
        starts: [D] each, float64.
        precision: in which the log-density is computed.

    Returns:
        The mode; ``None`` where no start led to one.
    """
    eps = torch.finfo(precision).eps
    found = (_refine(log_density, _climb(log_density, start), eps) for start in starts)
    return max((mode for mode in found if mode is not None), key=lambda mode: mode.log_evidence, default=None)


def _climb(log_density: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    at = start.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [at], max_iter=300, history_size=20, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )
    best, highest = at.detach().clone(), -math.inf

    def closure() -> Tensor:
        nonlocal best, highest
        with torch.enable_grad():
            value = log_density(at)
            (gradient,) = torch.autograd.grad(value, at)
        if not bool(torch.isfinite(value) & torch.isfinite(gradient).all()):
            at.grad = torch.zeros_like(at)
            return value.new_tensor(_BAD)
        at.grad, value = -gradient, value.detach()
        if float(value) > highest:
            best, highest = at.detach().clone(), float(value)
        return -value

    optimizer.step(closure)
    return best


def _refine(log_density: Callable[[Tensor], Tensor], at: Tensor, eps: float) -> Mode | None:
    """Newton's method: up to the mode, or ``None`` where there is none."""
    value = float(log_density(at).detach())
    for _ in range(50):
        gradient, precision = _derivatives(log_density, at)
        if not bool(torch.isfinite(precision).all()):
            return None
        curvature, axes = torch.linalg.eigh(precision)
        smallest = float(curvature[-1].abs()) * len(at) * eps
        # Along an axis that is no valley yet, a step as long as if it were one (Dauphin et al., 2014).
        step = axes @ ((axes.mT @ gradient) / curvature.abs().clamp(min=max(smallest, 1e-300)))
        if float(step @ gradient) < max(1e-4, 10 * eps * abs(value)):  # squared length, in spreads of the Gaussian
            return Mode(at, precision, value) if float(curvature[0]) > smallest else None
        for _ in range(30):
            higher = float(log_density(at + step).detach())
            if higher > value:  # not of a number that is none
                break
            step = 0.5 * step
        else:
            return None
        at, value = at + step, higher
    return None


def _derivatives(log_density: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient, [D], and minus the Hessian, [D, D]."""
    with torch.enable_grad():
        point = at.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(log_density(point), point, create_graph=True)
        if not gradient.requires_grad:  # of a plane
            return gradient, gradient.new_zeros(len(at), len(at))
        rows = [torch.autograd.grad(one, point, retain_graph=True, materialize_grads=True)[0] for one in gradient]
    hessian = torch.stack(rows)
    return gradient.detach(), -0.5 * (hessian + hessian.mT)
