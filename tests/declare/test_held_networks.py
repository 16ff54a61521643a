"""The networks that a hand-written program holds."""

from __future__ import annotations

import functools

import pyro
import torch
from torch import nn

from ppgen.declare.held_networks import networks_of

first, second, third = (nn.Linear(1, 1) for _ in range(3))


def test_networks_of_closures_defaults_and_containers():
    inner, stack, table = nn.Linear(1, 1), [first, second], {"third": third}
    assert networks_of(lambda x: inner(x)) == [inner]
    assert networks_of(lambda x: [net(x) for net in stack]) == stack
    assert networks_of(lambda x: table["third"](x)) == [third]
    assert networks_of(lambda x: (lambda y: inner(y))(x)) == [inner]
    assert networks_of(lambda x, net=second, *, other=first: net(other(x))) == [second, first]
    late = lambda x: later(x)
    assert networks_of(late) == []
    later = third
    assert networks_of(late) == [third]
    through = lambda x: late(recursive(inner(x)))
    recursive = lambda x: through(x)
    assert networks_of(through) == [inner, third]


def test_networks_of_methods_partials_handlers_and_callable_objects():
    class Plain:
        def __init__(self) -> None:
            self.net, self.number, self.more = first, 3, [second]

        def model(self, x):
            return self.net(x)

        __call__ = model

    plain, direct = Plain(), lambda x, net=first: net(x)
    assert networks_of(plain.model) == networks_of(plain) == [first, second]
    assert networks_of(functools.partial(lambda x, net: net(x), net=third)) == [third]
    assert networks_of(pyro.poutine.scale(direct, scale=2.0)) == [first]
    assert networks_of(pyro.infer.config_enumerate(direct)) == [first]


def test_a_module_is_its_own_network_and_parts_are_not_counted_twice():
    whole, part = nn.Sequential(first, second), first
    assert networks_of(whole) == [whole]
    assert networks_of(whole.forward) == [whole]
    assert networks_of(lambda x: whole(part(x))) == [whole]


stack = [first, second]


def through_another(x):
    return named(x), third(x)


def named(x):
    return [net(x) for net in stack]


def recursive(x):
    return recursive(second(x))


def test_a_global_network_is_found_where_a_function_names_it():
    assert networks_of(named) == stack
    assert networks_of(through_another) == [third, first, second]
    assert networks_of(recursive) == [second]
    assert networks_of(lambda x: torch.nn.functional.relu(x)) == []
