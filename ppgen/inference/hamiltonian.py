"""Hamiltonian Monte Carlo for many targets at once: a chain is a row, and every datum has a step size of its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["ChainState", "HMCDraws", "hmc_step", "run_hmc", "state_at"]

LogDensity = Callable[[Tensor], Tensor]

_TARGET = 0.8  # acceptance: Hoffman & Gelman (2014), section 3.2
_JITTER = 0.2  # of step sizes, so that no trajectory is a period of the target for long
_MOST_STEPS = 8


@dataclasses.dataclass(frozen=True)
class ChainState:
    """Where chains are.

    Args:
        position: [C, N, D].
        log_density: there, [C, N].
        gradient: of it, [C, N, D].
    """

    position: Tensor
    log_density: Tensor
    gradient: Tensor


def state_at(log_density: LogDensity, position: Tensor) -> ChainState:
    """The state at positions: one pass forward and one backward for all chains.

    Args:
        log_density: from [C, N, D] to [C, N], each entry a function of its own row alone.
        position: [C, N, D].
    """
    with torch.enable_grad():
        at = position.detach().requires_grad_()
        value = log_density(at)
        (gradient,) = torch.autograd.grad(value.sum(), at)
    return ChainState(at.detach(), value.detach(), gradient)


def hmc_step(log_density: LogDensity, state: ChainState, step_size: Tensor, scale: Tensor) -> tuple[ChainState, Tensor]:
    """One transition of every chain, which leaves its target as it is (Neal, 2011, MCMC using Hamiltonian dynamics).

    The number of leapfrog steps is uniform on 1 to 8, the same for all chains; step sizes are jittered.

    Args:
        log_density: as of :func:`state_at`.
        state: of all chains.
        step_size: of each datum, [N], in units of the scale.
        scale: about the target's standard deviations, [N, D]: the square root of the inverse mass.

    Returns:
        The new state, and the probabilities of acceptance [C, N].
    """
    num_steps = int(torch.randint(1, _MOST_STEPS + 1, ()))
    chains = state.log_density
    jitter = 1.0 + _JITTER * (2.0 * torch.rand(chains.shape, dtype=chains.dtype, device=chains.device) - 1.0)
    step = (step_size * jitter).unsqueeze(-1) * scale
    momentum = torch.randn_like(state.position)  # of coordinates in units of the scale
    end, moved = state, momentum + 0.5 * step * state.gradient
    for number in range(num_steps):
        end = state_at(log_density, end.position + step * moved)
        moved = moved + (step if number < num_steps - 1 else 0.5 * step) * end.gradient
    energy = momentum.square().sum(-1) - moved.square().sum(-1)
    gain = (end.log_density - state.log_density + 0.5 * energy).nan_to_num(-math.inf)
    accepted = torch.rand_like(gain).log() < gain
    wide = accepted.unsqueeze(-1)
    chosen = ChainState(
        torch.where(wide, end.position, state.position),
        torch.where(accepted, end.log_density, state.log_density),
        torch.where(wide, end.gradient, state.gradient),
    )
    return chosen, gain.clamp(max=0.0).exp()


@dataclasses.dataclass(frozen=True)
class HMCDraws:
    """What a run of HMC gave.

    Args:
        draws: [S, C, N, D].
        acceptance: the mean probability of acceptance of each datum's chains, [N].
        step_size: of each datum, [N], in units of the scale.
        scale: [N, D].
    """

    draws: Tensor
    acceptance: Tensor
    step_size: Tensor
    scale: Tensor


class _DualAveraging:
    """Step sizes [N] that bring each datum's acceptance to the target (Hoffman & Gelman, 2014, section 3.2.1)."""

    def __init__(self, start: Tensor) -> None:
        self.size, self._log, self._center = start, start.log(), (10.0 * start).log()
        self._error, self._count = torch.zeros_like(start), 0

    def update(self, acceptance: Tensor) -> None:
        """Take the chains' acceptance, [N], into account."""
        self._count += 1
        weight = 1.0 / (self._count + 10.0)
        self._error = (1.0 - weight) * self._error + weight * (_TARGET - acceptance)
        log_size = self._center - math.sqrt(self._count) / 0.05 * self._error
        share = self._count**-0.75
        self._log, self.size = share * log_size + (1.0 - share) * self._log, log_size.exp()

    @property
    def average(self) -> Tensor:
        return self._log.exp()


def run_hmc(log_density: LogDensity, start: Tensor, scale: Tensor, num_warmup: int, num_draws: int) -> HMCDraws:
    """Draw from every datum's target with C chains each.

    While warming up, the chains of a datum tune its step size together, and three times the scale of its coordinates
    is set to their spread since the last time. Then both stay fixed.

    Args:
        log_density: as of :func:`state_at`.
        start: [C, N, D], best from a distribution wider than the target.
        scale: a first guess at the targets' standard deviations, [N, D].
        num_warmup: transitions before the first draw.
        num_draws: S, kept of each chain.
    """
    state = state_at(log_density, start)
    sizes = _DualAveraging(torch.full_like(start[0, :, 0], start.shape[-1] ** -0.25))
    edges = [num_warmup * quarter // 4 for quarter in (1, 2, 3)]
    seen: list[Tensor] = []
    for number in range(num_warmup):
        if number in edges and len(seen) > 1:
            scale = _spread(torch.stack(seen), scale)
            sizes, seen = _DualAveraging(sizes.average), []
        state, acceptance = hmc_step(log_density, state, sizes.size, scale)
        sizes.update(acceptance.mean(0))
        seen.append(state.position)
    step_size = sizes.average
    draws, accepted = [], torch.zeros_like(step_size)
    for _ in range(num_draws):
        state, acceptance = hmc_step(log_density, state, step_size, scale)
        draws.append(state.position)
        accepted = accepted + acceptance.mean(0) / num_draws
    return HMCDraws(torch.stack(draws), accepted, step_size, scale)


def _spread(seen: Tensor, before: Tensor) -> Tensor:
    """Standard deviations [N, D] of positions [S, C, N, D], drawn a little towards what they were taken for before."""
    count = len(seen) * seen.shape[1]
    variance = seen.var(dim=(0, 1))
    return ((count * variance + 5.0 * 1e-3 * before.square()) / (count + 5.0)).sqrt()
