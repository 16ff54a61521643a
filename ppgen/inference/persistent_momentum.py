"""Chains between two densities that keep most of their momentum: one gradient moves all of them one step."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["PairState", "Whitening", "glide", "pair_state"]

_JITTER = 0.2  # of step sizes, so that no trajectory is a period of the target for long
_HALF_LIFE = 2.0  # of a momentum, in units of the whitening: half of it is kept over this length


@dataclasses.dataclass(frozen=True)
class PairState:
    """Where chains are, with both densities there.

    Args:
        position: [C, N, D].
        log_p: log-density at the end of a path, [C, N].
        log_q: at its beginning, [C, N].
        gradient_p: of ``log_p``, [C, N, D].
        gradient_q: of ``log_q``, [C, N, D].
    """

    position: Tensor
    log_p: Tensor
    log_q: Tensor
    gradient_p: Tensor
    gradient_q: Tensor

    def log_density(self, beta: Tensor) -> Tensor:
        """``(1 - beta) log q + beta log p``, [C, N]; beta is [N]."""
        return (1.0 - beta) * self.log_q + beta * self.log_p

    def gradient(self, beta: Tensor) -> Tensor:
        """Of :meth:`log_density`, [C, N, D]."""
        beta = beta.unsqueeze(-1)
        return (1.0 - beta) * self.gradient_q + beta * self.gradient_p

    def where(self, chosen: Tensor, other: PairState) -> PairState:
        """This state for the chosen chains, [C, N] of bools, and another for the rest."""
        names = [field.name for field in dataclasses.fields(self)]
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        wide = chosen.unsqueeze(-1)
        return PairState(**{name: torch.where(wide if one.dim() == 3 else chosen, one, two)
                            for name, (one, two) in pairs.items()})  # fmt: skip


def pair_state(both: Callable[[Tensor], tuple[Tensor, Tensor]], position: Tensor) -> PairState:
    """The state at positions: one pass forward for all chains, and one backward for each density.

    Args:
        both: from [C, N, D] to ``log p`` and ``log q``, [C, N] each, every entry a function of its own row alone.
        position: [C, N, D].
    """
    with torch.enable_grad():
        at = position.detach().requires_grad_()
        log_p, log_q = both(at)
        (gradient_p,) = torch.autograd.grad(log_p.sum(), at, retain_graph=True)
        (gradient_q,) = torch.autograd.grad(log_q.sum(), at)
    return PairState(at.detach(), log_p.detach(), log_q.detach(), gradient_p, gradient_q)


@dataclasses.dataclass(frozen=True)
class Whitening:
    """In which coordinates chains of a datum move: ``u = S R v``, where v has about unit variance in all directions.

    Args:
        scale: standard deviations S, [N, D].
        root: of the correlations, ``R R' = corr(u)``, [N, D, D]; ``None`` where too few draws would tell them.
    """

    scale: Tensor
    root: Tensor | None = None

    def to_free(self, v: Tensor) -> Tensor:
        """A step of v as one of u, [C, N, D]."""
        return self.scale * (v if self.root is None else torch.einsum("nij,cnj->cni", self.root, v))

    def pull_back(self, gradient: Tensor) -> Tensor:
        """A gradient by u as one by v, [C, N, D]."""
        scaled = self.scale * gradient
        return scaled if self.root is None else torch.einsum("nji,cnj->cni", self.root, scaled)


def glide(
    both: Callable[[Tensor], tuple[Tensor, Tensor]],
    beta: Tensor,
    state: PairState,
    momentum: Tensor,
    step_size: Tensor,
    whitening: Whitening,
) -> tuple[PairState, Tensor, Tensor]:
    """One leapfrog step of every chain, accepted or turned back; the momentum is renewed in part.

    It leaves ``(1 - beta) log q + beta log p`` and a standard normal momentum as they are: a step that is not accepted
    goes back where it came from. Beside chains that forget their momentum, these go further with the same number of
    gradients (Horowitz, 1991, A generalized guided Monte Carlo algorithm).

    Args:
        both: as of :func:`pair_state`.
        beta: of each datum, [N].
        state: of all chains.
        momentum: theirs, [C, N, D].
        step_size: of each datum, [N], in units of the whitening.
        whitening: of each datum.

    Returns:
        The new state, the new momentum, and the probabilities of acceptance [C, N].
    """
    jitter = 1.0 + _JITTER * (2.0 * torch.rand_like(state.log_p) - 1.0)
    step = (step_size * jitter).unsqueeze(-1)
    halfway = momentum + 0.5 * step * whitening.pull_back(state.gradient(beta))
    end = pair_state(both, state.position + whitening.to_free(step * halfway))
    moved = halfway + 0.5 * step * whitening.pull_back(end.gradient(beta))
    energy = momentum.square().sum(-1) - moved.square().sum(-1)
    gain = (end.log_density(beta) - state.log_density(beta) + 0.5 * energy).nan_to_num(-math.inf)
    accepted = torch.rand_like(gain).log() < gain
    momentum = torch.where(accepted.unsqueeze(-1), moved, -momentum)
    kept = (-math.log(2.0) / _HALF_LIFE * step).exp()
    momentum = kept * momentum + (1.0 - kept.square()).sqrt() * torch.randn_like(momentum)
    return end.where(accepted, state), momentum, gain.clamp(max=0.0).exp()
