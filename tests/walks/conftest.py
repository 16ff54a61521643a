"""Fits whose codes and decoded values are known in closed form, made in a moment."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.fitted import Fit

DOWN = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
UP = torch.tensor([[0.5, 0.0], [0.0, 0.25]])


class Levels(ppgen.Model):
    """b ~ Normal(0, I);  a | b ~ Normal(b DOWN, 0.5);  e ~ Normal(0, I);  x | a, e ~ Normal((a, e), 1)."""

    @ppgen.latent
    def b(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @ppgen.latent
    def a(self, b: Tensor) -> Any:
        return dist.Normal(b @ DOWN, 0.5).to_event(1)

    @ppgen.latent
    def e(self) -> Any:
        return dist.Normal(torch.zeros(1), 1.0).to_event(1)

    @ppgen.observed
    def x(self, a: Tensor, e: Tensor) -> Any:
        return dist.Normal(torch.cat([a, e], -1), 1.0).to_event(1)


class Reading(ppgen.Guide):
    """The codes of x: a = (x0, x1), e = x2, b = (x0, x1) UP, and so near that its second number is the prior's."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = torch.nn.Parameter(torch.zeros(()))

    @ppgen.latent
    def b(self, x: Tensor) -> Any:
        return dist.Normal(x[:, :2] @ UP, 0.1).to_event(1)

    @ppgen.latent
    def a(self, x: Tensor) -> Any:
        return dist.Normal(x[:, :2] + 0.0 * self.offset, 0.1).to_event(1)

    @ppgen.latent
    def e(self, x: Tensor) -> Any:
        return dist.Normal(x[:, 2:], 0.1).to_event(1)


def written_model(x: Tensor) -> None:
    """The same as Levels, in Pyro alone."""
    with pyro.plate("data", len(x)):
        b = pyro.sample("b", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        a = pyro.sample("a", dist.Normal(b @ DOWN, 0.5).to_event(1))
        e = pyro.sample("e", dist.Normal(torch.zeros(1), 1.0).to_event(1))
        pyro.sample("x", dist.Normal(torch.cat([a, e], -1), 1.0).to_event(1), obs=x)


def written_guide(x: Tensor) -> None:
    """The same as Reading."""
    offset = pyro.param("offset", torch.zeros(()))
    with pyro.plate("data", len(x)):
        pyro.sample("b", dist.Normal(x[:, :2] @ UP, 0.1).to_event(1))
        pyro.sample("a", dist.Normal(x[:, :2] + 0.0 * offset, 0.1).to_event(1))
        pyro.sample("e", dist.Normal(x[:, 2:], 0.1).to_event(1))


class Classes(ppgen.Model):
    """c ~ Categorical(1/3);  z | c ~ Normal(c, 1);  x | z, y ~ Normal(z + 10 y, 1), with a covariate y."""

    @ppgen.latent
    def c(self) -> Any:
        return dist.Categorical(logits=torch.zeros(3))

    @ppgen.latent
    def z(self, c: Tensor) -> Any:
        return dist.Normal(c.unsqueeze(-1).float().expand(*c.shape, 2), 1.0).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor, y: Tensor) -> Any:
        return dist.Normal(z + 10.0 * y.unsqueeze(-1), 1.0).to_event(1)


class Noise(ppgen.Model):
    """z ~ Normal(0, I);  x = 3 z0 + z1, and nothing of z2."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([3.0, 1.0, 0.0]))

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(torch.zeros(3), 1.0).to_event(1)

    @ppgen.implicit
    def x(self, z: Tensor) -> Tensor:
        return (z @ self.weight).unsqueeze(-1)


def quick(model: Any, data: Any, **settings: Any) -> Fit:
    """One step, at a learning rate that moves nothing."""
    torch.manual_seed(0)
    return ppgen.fit(model, data, max_epochs=1, learning_rate=1e-12, progress=False, device="cpu", **settings)


@pytest.fixture(scope="session")
def rows() -> Tensor:
    return torch.randn(60, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="session", params=["declared", "written"])
def levels(request: pytest.FixtureRequest, rows: Tensor) -> Fit:
    if request.param == "declared":
        return quick(Levels(), rows, guide=Reading())
    return quick(ppgen.Program(written_model, written_guide), rows)


@pytest.fixture(scope="session")
def classes(rows: Tensor) -> Fit:
    data = {"x": rows[:, :2], "y": torch.arange(60) % 2}
    return quick(Classes(), data)


@pytest.fixture(scope="session")
def noise() -> Fit:
    return quick(Noise(), torch.randn(60, 1))
