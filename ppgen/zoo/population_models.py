"""Two tasks of sbibm whose simulators solve a differential equation: an epidemic, and predators with their prey."""

from __future__ import annotations

import math
from collections.abc import Callable

import pyro.distributions as dist
import torch
from torch import Tensor

from ppgen.declare import Model, implicit, latent

__all__ = ["SIR", "LotkaVolterra", "runge_kutta"]

_PEOPLE, _TESTED = 1_000_000.0, 1000


class SIR(Model):
    """A contact and a recovery rate of an epidemic;  x is how many of 1000 tested are infected, every 17th day."""

    @latent
    def theta(self) -> dist.TorchDistribution:
        """Both rates, per day."""
        return dist.LogNormal(torch.tensor([math.log(0.4), math.log(0.125)]), torch.tensor([0.5, 0.2])).to_event(1)

    @implicit
    def x(self, theta: Tensor) -> Tensor:
        """Counts at days 0, 17 .. 153, [10]."""
        contact, recovery = theta.unbind(-1)

        def change(state: Tensor) -> Tensor:  # of the shares that are susceptible, and infected
            new = contact * state[0] * state[1]
            return torch.stack([-new, new - recovery * state[1]])

        first = torch.stack([torch.full_like(contact, 1 - 1 / _PEOPLE), torch.full_like(contact, 1 / _PEOPLE)])
        infected = runge_kutta(change, first, interval=17.0, num_points=10, steps=34)[..., 1, :].clamp(0.0, 1.0)
        return dist.Binomial(_TESTED, infected).sample()


class LotkaVolterra(Model):
    """Birth, predation, death and growth rates of prey and predators;  x is how many there are, with 10 % noise."""

    @latent
    def theta(self) -> dist.TorchDistribution:
        """The four rates, per day."""
        return dist.LogNormal(torch.tensor([-0.125, -3.0, -0.125, -3.0]), torch.full((4,), 0.5)).to_event(1)

    @implicit
    def x(self, theta: Tensor) -> Tensor:
        """Prey at days 0, 2.1 .. 18.9, then predators, [20]."""
        birth, predation, death, growth = theta.unbind(-1)

        def change(state: Tensor) -> Tensor:  # of the logarithms, which stay finite where a population dies out
            return torch.stack([birth - predation * state[1].exp(), growth * state[0].exp() - death])

        first = torch.stack([torch.full_like(birth, math.log(30.0)), torch.zeros_like(birth)])
        path = runge_kutta(change, first, interval=2.1, num_points=10, steps=105).flatten(-2)
        place = path.nan_to_num().clamp(math.log(1e-10), math.log(1e4))
        return (place + 0.1 * torch.randn_like(place)).exp()


def runge_kutta(
    change: Callable[[Tensor], Tensor], first: Tensor, *, interval: float, num_points: int, steps: int
) -> Tensor:
    """The path of a state under ``dy/dt = f(y)``, by the classical method of order 4.

    Args:
        change: f, of states [K, *batch].
        first: the state at the first point, [K, *batch].
        interval: time from point to point.
        num_points: how many, the first one included.
        steps: between two points.

    Returns:
        [*batch, K, num_points].

    Example:
        >>> decay = runge_kutta(lambda y: -y, torch.ones(1, 1), interval=1.0, num_points=3, steps=10)
        >>> decay.squeeze()
        tensor([1.0000, 0.3679, 0.1353])
    """
    points, state, step = [first], first, interval / steps
    for _ in range(num_points - 1):
        for _ in range(steps):
            a = change(state)
            b = change(state + 0.5 * step * a)
            c = change(state + 0.5 * step * b)
            d = change(state + step * c)
            state = state + step / 6 * (a + 2 * b + 2 * c + d)
        points.append(state)
    return torch.stack(points, -1).movedim(0, -2)
