"""Annealed importance sampling from the guide to the posterior, and its reverse: both bounds on log p(x)."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from ppgen.inference.local_density import LocalDensity
from ppgen.inference.persistent_momentum import Whitening, glide, pair_state

__all__ = ["AnnealedWeights", "Path", "anneal", "find_path", "forget"]

_TARGET = 0.9  # acceptance of single steps: a chain that is turned back goes over its own way again
_GAIN = 0.5  # of the pilots' step sizes, in log units for each unit of acceptance
_PILOT_SHARE = 8  # temperatures of the path for each one of a pilot, of which there are two
_PILOT_MIN = 4  # temperatures of a pilot
_BEND = 4.0
_EVEN = 0.1  # share of the temperatures that is spread evenly, wherever the pilot says that nothing happens
_CORRELATED = 10  # steps of a pilot that are about worth one independent draw


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
        betas: of each datum from 0 to 1, [T + 1, N], float64.
        step_sizes: of the transition at each beta and datum, [T + 1, N].
        whitening: of each datum.
    """

    betas: Tensor
    step_sizes: Tensor
    whitening: Whitening

    @property
    def num_steps(self) -> int:
        """Weights that are multiplied, T."""
        return len(self.betas) - 1


@dataclasses.dataclass(frozen=True)
class _Pilot:
    """What a run along a path tells, P temperatures of it.

    Args:
        betas: [P], float64.
        log_sizes: step sizes that gave each datum's chains the acceptance that is aimed at, [N, P], float64.
        spreads: standard deviations over chains of ``log p - log q``, [N, P], float64.
        covariance: of positions about their mean at a temperature, averaged over temperatures, [N, D, D].
        num_draws: of that covariance.
    """

    betas: Tensor
    log_sizes: Tensor
    spreads: Tensor
    covariance: Tensor
    num_draws: int

    @property
    def whitening(self) -> Whitening:
        """With correlations, where there are draws enough for them, shrunk towards none."""
        scale = self.covariance.diagonal(dim1=1, dim2=2).sqrt().clamp(min=1e-6)
        dim, draws = scale.shape[1], self.num_draws / _CORRELATED
        if dim > draws:
            return Whitening(scale)
        correlation = self.covariance / (scale.unsqueeze(1) * scale.unsqueeze(2)) * (draws / (draws + dim))
        correlation.diagonal(dim1=1, dim2=2).fill_(1.0)
        return Whitening(scale, torch.linalg.cholesky(correlation))


def _sigmoid(num_steps: int) -> list[float]:
    """Temperatures from 0 to 1, dense at both ends, where the target may change fastest (Grosse et al., 2013)."""
    ends = (math.tanh(-_BEND / 2), math.tanh(_BEND / 2))
    at = (math.tanh(_BEND * (number / num_steps - 0.5)) for number in range(num_steps + 1))
    return [(one - ends[0]) / (ends[1] - ends[0]) for one in at]


def _run_pilot(density: LocalDensity, whitening: Whitening, num_steps: int) -> _Pilot:
    state = pair_state(density.both, density.draw())
    momentum, (chains, rows, dim) = torch.randn_like(state.position), state.position.shape
    log_size = torch.full_like(whitening.scale[:, 0], -0.25 * math.log(dim) - 0.5)
    betas = torch.tensor(_sigmoid(num_steps), dtype=torch.float64, device=log_size.device)
    log_sizes, spreads, covariance = [], [], log_size.new_zeros(rows, dim, dim)
    for beta in betas.to(log_size):
        spreads.append((state.log_p - state.log_q).double().std(0).nan_to_num(0.0, 0.0, 0.0))
        state, momentum, acceptance = glide(density.both, beta.expand(rows), state, momentum, log_size.exp(), whitening)
        log_size = log_size + _GAIN * (acceptance.mean(0) - _TARGET)
        log_sizes.append(log_size.double())
        off = state.position - state.position.mean(0)
        covariance += torch.einsum("cni,cnj->nij", off, off) / ((chains - 1) * len(betas))
    return _Pilot(betas, torch.stack(log_sizes, 1), torch.stack(spreads, 1), covariance, chains * len(betas))


def find_path(density: LocalDensity, num_steps: int) -> Path:
    """Choose temperatures, step sizes and whitening of each datum by two pilots, whose draws are used for nothing else.

    A path that followed the chains which it moves would bias their weights. The first pilot tells the correlations of
    the coordinates. The second, which moves along them, tells the step sizes that chains accept, and how far they
    spread in ``log p - log q`` at each temperature: what a step in beta there adds to the spread of the log weights.
    Temperatures are laid so that every step adds as much (Gelman & Meng, 1998, Simulating normalizing constants).

    Args:
        density: of several chains of every datum.
        num_steps: T.
    """
    num_pilot = max(_PILOT_MIN, num_steps // _PILOT_SHARE)
    guess = Whitening(density.draw().std(0).clamp(min=1e-6))
    whitening = _run_pilot(density, guess, num_pilot).whitening
    found = _run_pilot(density, whitening, num_pilot)
    betas, rows = found.betas.expand(len(found.spreads), -1), len(found.spreads)
    gained = (found.spreads[:, 1:] + found.spreads[:, :-1]) / 2 * found.betas.diff()
    length = torch.nn.functional.pad(gained.cumsum(1), (1, 0))
    even = torch.linspace(0.0, 1.0, betas.shape[1]).to(length)
    length = (1.0 - _EVEN) * length / length[:, -1:].clamp(min=1e-12) + _EVEN * even
    parts = torch.linspace(0.0, 1.0, num_steps + 1).to(length).expand(rows, -1)
    laid = _interpolate(parts * length[:, -1:], length, betas)
    laid[:, 0], laid[:, -1] = 0.0, 1.0
    sizes = _interpolate(laid, betas, found.log_sizes).exp()
    return Path(laid.T, sizes.T.to(whitening.scale), whitening)


def _interpolate(at: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Piecewise linear, row by row, [N, K]: through (x, y), [N, P] each, x rising."""
    right = torch.searchsorted(x.contiguous(), at.contiguous()).clamp(1, x.shape[1] - 1)
    x0, x1, y0, y1 = (table.gather(1, index) for table in (x, y) for index in (right - 1, right))
    return y0 + (y1 - y0) * ((at - x0) / (x1 - x0).clamp(min=1e-12)).clamp(0.0, 1.0)


def forget(density: LocalDensity, path: Path, start: Tensor, num_steps: int) -> Tensor:
    """Positions [C, N, D] after steps that leave the posterior as it is: chains that began together are parted.

    Args:
        density: of all chains of every datum.
        path: whose last step sizes are taken.
        start: exact draws, [C, N, D].
        num_steps: how many.
    """
    state, momentum = pair_state(density.both, start), torch.randn_like(start)
    last = path.betas[-1].to(start)
    for _ in range(num_steps):
        state, momentum, _ = glide(density.both, last, state, momentum, path.step_sizes[-1], path.whitening)
    return state.position


def anneal(density: LocalDensity, path: Path, start: Tensor, *, is_reverse: bool = False) -> AnnealedWeights:
    """The log weights of chains along a path (Neal, 2001, Annealed importance sampling).

    Forward chains start at draws of the guide, and ``log mean exp`` of their log weights is a lower bound on log p(x)
    in expectation. Reverse chains start at exact draws of the posterior, go the same way back, and give an upper bound
    (Grosse, Ghahramani & Adams, 2015, Sandwiching the marginal likelihood using bidirectional Monte Carlo). Chains
    keep their momentum from one temperature to the next, so that a temperature costs one gradient (Sohl-Dickstein &
    Culpepper, 2012, Hamiltonian annealed importance sampling).

    Args:
        density: of all chains of every datum.
        path: which was chosen without a look at these chains.
        start: [C, N, D].
        is_reverse: from p to q.
    """
    state, momentum = pair_state(density.both, start), torch.randn_like(start)
    total = torch.zeros(start.shape[:2], dtype=torch.float64, device=start.device)
    order = range(path.num_steps, 0, -1) if is_reverse else range(1, path.num_steps + 1)
    for count, number in enumerate(order, 1):
        here = number - 1 if is_reverse else number  # the temperature at which the chains move next
        total = total + (path.betas[number] - path.betas[number - 1]) * (state.log_p - state.log_q).double()
        if count < path.num_steps:
            beta = path.betas[here].to(start)
            state, momentum, _ = glide(density.both, beta, state, momentum, path.step_sizes[here], path.whitening)
    return AnnealedWeights(total, is_reverse)
