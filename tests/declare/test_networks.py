from __future__ import annotations

import functools
from types import SimpleNamespace

import pyro
import torch
from torch import nn

from ppgen.declare.networks import networks_of, signature_of

first, second, third = (nn.Linear(1, 1) for _ in range(3))
stack = [first, second]
table = {"third": third}


def direct(x):
    return first(x)


def through_another(x):
    return direct(x) + helper(x)


def helper(x):
    return [net(x) for net in (third,)]


def recursive(x):
    return recursive(second(x))


def test_networks_that_a_function_names():
    assert networks_of(direct) == [first]
    assert networks_of(through_another) == [first, third]
    assert networks_of(recursive) == [second]
    assert networks_of(lambda x: [net(x) for net in stack]) == stack
    assert networks_of(lambda x: table["third"](x)) == [third]
    assert networks_of(lambda x: (lambda y: third(y))(x)) == [third]
    assert networks_of(lambda x: torch.nn.functional.relu(x)) == []


def test_closures_and_defaults():
    inner = nn.Linear(1, 1)
    assert networks_of(lambda x: inner(x)) == [inner]
    assert networks_of(lambda x, net=second, *, other=first: net(other(x))) == [second, first]
    late = lambda x: later(x)
    assert networks_of(late) == []
    later = third
    assert networks_of(late) == [third]


def test_methods_partials_handlers_and_callable_objects():
    class Plain:
        def __init__(self) -> None:
            self.net, self.number = first, 3

        def model(self, x):
            return self.net(x) + second(x)

        __call__ = model

    plain = Plain()
    assert networks_of(plain.model) == [first, second]
    assert networks_of(plain) == [first, second]
    assert networks_of(functools.partial(lambda x, net: net(x), net=third)) == [third]
    assert networks_of(pyro.poutine.scale(direct, scale=2.0)) == [first]
    assert networks_of(pyro.infer.config_enumerate(direct)) == [first]


def test_a_module_is_its_own_network_and_parts_are_not_counted_twice():
    whole = nn.Sequential(first, second)
    assert networks_of(whole) == [whole]
    assert networks_of(whole.forward) == [whole]
    assert networks_of(lambda x: whole(first(x))) == [whole]


def test_what_hides_deeper_is_not_found():
    hidden = SimpleNamespace(net=first)
    assert networks_of(lambda x: hidden.net(x)) == []


def test_signatures_are_seen_through_handlers_and_modules():
    class Module(nn.Module):
        def forward(self, x, size): ...

    assert list(signature_of(Module())) == ["x", "size"]
    assert list(signature_of(pyro.poutine.scale(direct, scale=2.0))) == ["x"]
    assert list(signature_of(functools.partial(lambda x, net: None, net=1))) == ["x", "net"]
