"""Annealed importance sampling from the guide to the posterior, and its reverse: both bounds on log p(x)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ppgen.inference.hamiltonian import hmc_step, state_at
from ppgen.inference.local_density import LocalDensity

__all__ = ["AnnealedWeights", "Path", "anneal", "find_path"]

_TARGET = 0.8
_GAIN = 0.5  # of the pilot's step sizes, in log units for each unit of acceptance
_PILOT_SHARE = 4  # temperatures of the path for each one of the pilot
_BEND = 4.0


@dataclasses.dataclass(frozen=True)
class AnnealedWeights:
    """Log weights of chains, whose exponentials have the mean p(x); of reverse chains, inverses the mean 1/p(x).

    Args:
        log_weights: [C, N], float64, nats.
        is_reverse: whether the chains ran from the posterior to the guide.
    """

    log_weights: Tensor
    is_reverse: bool = False

    @property
    def log_prob(self) -> Tensor:
        """The stochastic bound on log p(x_i), [N]: in expectation a lower one; of reverse chains an upper one."""
        sign = -1.0 if self.is_reverse else 1.0
        return sign * ((sign * self.log_weights).logsumexp(0) - math.log(len(self.log_weights)))

    @property
    def standard_error(self) -> Tensor:
        """Of :attr:`log_prob` over chains, [N]: by the delta method, sd(w) / (mean(w) sqrt C)."""
        sign = -1.0 if self.is_reverse else 1.0
        weights = (sign * self.log_weights - (sign * self.log_weights).amax(0)).exp()
        return weights.std(0) / weights.mean(0) / math.sqrt(len(weights))


@dataclasses.dataclass(frozen=True)
class Path:
    """A geometric path ``q^(1 - b) p^b`` with everything that a transition needs, fixed before any weight is computed.

    Args:
        betas: from 0 to 1, T + 1 of them.
        step_sizes: of the transition at each beta and datum, [T + 1, N].
        scale: of the coordinates, [N, D].
    """

    betas: tuple[float, ...]
    step_sizes: Tensor
    scale: Tensor

    @property
    def num_steps(self) -> int:
        """Weights that are multiplied, T."""
        return len(self.betas) - 1


class _Between:
    """The log-density ``(1 - b) log q(u) + b log p(x, u)``, which remembers ``log p - log q`` of its last call."""

    def __init__(self, both: Callable[[Tensor], tuple[Tensor, Tensor]], beta: float) -> None:
        self._both, self._beta = both, beta
        self.log_ratio = torch.zeros(())

    def __call__(self, free: Tensor) -> Tensor:
        log_p, log_q = self._both(free)
        self.log_ratio = (log_p - log_q).detach()
        return log_q + self._beta * (log_p - log_q)


def _temperatures(num_steps: int) -> tuple[float, ...]:
    """A sigmoid from 0 to 1, dense at both ends, where the target changes fastest (Grosse et al., 2013)."""
    ends = (math.tanh(-_BEND / 2), math.tanh(_BEND / 2))
    at = (math.tanh(_BEND * (number / num_steps - 0.5)) for number in range(num_steps + 1))
    return tuple((one - ends[0]) / (ends[1] - ends[0]) for one in at)


def find_path(density: LocalDensity, num_steps: int) -> Path:
    """Choose step sizes by a pilot run along a coarser path, whose draws are used for nothing else.

    A step size that followed the chains which it moves would bias their weights. The pilot's own are adapted as it
    goes, so that each chain's acceptance approaches 0.8, and interpolated.

    Args:
        density: of several chains of every datum.
        num_steps: T.
    """
    position = density.draw()
    scale = position.std(0).clamp(min=1e-6)
    log_size = torch.full_like(scale[:, 0], -0.25 * math.log(scale.shape[1]))
    sizes = []
    num_pilot = max(2, num_steps // _PILOT_SHARE)
    betas = _temperatures(num_pilot)
    for number in range(num_pilot + 1):
        between = _Between(density.both, betas[number])
        state, acceptance = hmc_step(between, state_at(between, position), log_size.exp(), scale)
        position = state.position
        log_size = log_size + _GAIN * (acceptance.mean(0) - _TARGET)
        sizes.append(log_size)
    smooth = torch.nn.functional.interpolate(
        torch.stack(sizes).T.unsqueeze(0), size=num_steps + 1, mode="linear", align_corners=True
    )
    return Path(_temperatures(num_steps), smooth[0].T.exp(), scale)


def anneal(density: LocalDensity, path: Path, start: Tensor, *, is_reverse: bool = False) -> AnnealedWeights:
    """The log weights of chains along a path (Neal, 2001, Annealed importance sampling).

    Forward chains start at draws of the guide, and ``log mean exp`` of their log weights is a lower bound on log p(x)
    in expectation. Reverse chains start at exact draws of the posterior, go the same way back, and give an upper bound
    (Grosse, Ghahramani & Adams, 2015, Sandwiching the marginal likelihood using bidirectional Monte Carlo).

    Args:
        density: of all chains of every datum.
        path: which was chosen without a look at these chains.
        start: [C, N, D].
        is_reverse: from p to q.
    """
    position = start
    total = torch.zeros(start.shape[:2], dtype=torch.float64, device=start.device)
    order = range(path.num_steps, 0, -1) if is_reverse else range(1, path.num_steps + 1)
    for count, number in enumerate(order, 1):
        here = number - 1 if is_reverse else number  # the temperature at which the chains move next
        between = _Between(density.both, path.betas[here])
        state = state_at(between, position)
        total = total + (path.betas[number] - path.betas[number - 1]) * between.log_ratio.double()
        if count < path.num_steps:
            position = hmc_step(between, state, path.step_sizes[here], path.scale)[0].position
    return AnnealedWeights(total, is_reverse)
