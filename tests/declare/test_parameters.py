from __future__ import annotations

import pickle
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions import constraints
from torch import nn

from ppgen.declare.parameters import Parameters, Store
from ppgen.errors import DeclarationError


class Answering:
    """A store with a program that holds one network, and ``pyro.param`` answered by both."""

    def __init__(self) -> None:
        self.store, self.part = Store(), nn.Module()
        self.part.params, self.part.net = self.store, nn.Linear(2, 2)
        self.messenger = Parameters(self.part, self.store)

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        with self.messenger:
            return pyro.param(*args, **kwargs)


@pytest.fixture
def param() -> Answering:
    return Answering()


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        (constraints.real, [-1.5, 2.0]),
        (constraints.positive, [0.1, 3.0]),
        (constraints.simplex, [0.2, 0.3, 0.5]),
        (constraints.interval(-1.0, 1.0), [0.5, -0.9]),
        (constraints.lower_cholesky, [[2.0, 0.0], [0.3, 0.5]]),
    ],
)
def test_a_parameter_starts_where_it_should_and_stays_in_its_constraint(param, constraint, value):
    start = torch.tensor(value)
    assert torch.allclose(param("p", start, constraint=constraint), start, atol=1e-6)
    with torch.no_grad():
        for free in param.store.parameters():
            free += 3 * torch.randn_like(free)
    moved = param("p", start, constraint=constraint)
    assert not torch.allclose(moved, start)
    assert constraint.check(moved).all()
    moved.sum().backward()
    assert all(free.grad is not None for free in param.store.parameters())
    assert len(pyro.get_param_store()) == 0


def test_it_is_the_same_parameter_on_every_call_and_may_be_lazy(param):
    first = param("p", lambda: torch.randn(3))
    assert torch.equal(param("p"), first)
    assert torch.equal(param("p", torch.zeros(3)), first)
    assert len(list(param.store.parameters())) == 1


def test_a_first_use_needs_a_value(param, refuses):
    with refuses(DeclarationError, "pyro.param('p') has no initial value"):
        param("p")


@pytest.mark.parametrize("name", ["train", "forward", "keys", "constraints", "create", "a.b", "parameters"])
def test_any_name_will_do(param, name):
    assert param(name, torch.tensor(2.0)) == 2.0
    assert name in param.store
    assert param(name) == 2.0


def test_names_that_differ_only_in_dots_are_two(param):
    param("a.b", torch.tensor(1.0))
    param("a__b", torch.tensor(2.0))
    assert (param("a.b"), param("a__b")) == (1.0, 2.0)


def test_a_networks_own_parameters_are_not_stored_again(param):
    with param.messenger:
        pyro.module("net", param.part.net)
    assert not list(param.store.parameters())


def test_an_unknown_network_is_adopted_once(param):
    stranger = nn.Linear(2, 2)
    for _ in range(2):
        with param.messenger:
            pyro.module("stranger", stranger)
    assert [id(p) for p in param.store.parameters()] == [id(p) for p in stranger.parameters()]


def test_a_parameter_made_anew_on_every_call_is_the_first_one(param):
    first = param("p", nn.Parameter(torch.zeros(2)))
    with torch.no_grad():
        first += 1.0
    assert torch.equal(param("p", nn.Parameter(torch.zeros(2))), torch.ones(2))


def test_a_store_can_be_pickled_after_use(param):
    param("p", torch.tensor(0.5))
    param("q", torch.tensor(0.5), constraint=constraints.positive)
    twin = pickle.loads(pickle.dumps(param.store))
    assert twin.value("q") == 0.5


def test_a_plate_may_take_a_parameter_apart(param):
    with param.messenger, pyro.plate("data", 4, subsample=torch.tensor([2, 0])):
        rows = pyro.param("p", torch.arange(4.0), event_dim=0)
        pyro.sample("z", dist.Normal(rows, 1.0))
    assert rows.tolist() == [2.0, 0.0]
