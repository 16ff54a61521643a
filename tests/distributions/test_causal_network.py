"""Network, conditional family and order are chosen apart: every choice of the three is a proper distribution.

Each case is small enough to be enumerated, so that the oracle is the sum over all events.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import constraints
from torch.nn import functional

from ppgen.distributions import Autoregressive, Conditional, Order, SteppingNetwork, conditionals, orders
from ppgen.errors import SettingError
from ppgen.nets import DiagonalBiLSTM, GatedPixelCNN, RowLSTM
from tests.oracles.chi_square import p_value


class Triangular(nn.Module):
    """Fully connected: the parameters of position k read all values before it. It has no steps."""

    def __init__(self, channels: tuple[int, ...], scanned: tuple[int, ...], num_parameters: int) -> None:
        super().__init__()
        self.channels, self.scanned, length = channels, scanned, prod(scanned)
        self.weight = nn.Parameter(torch.zeros(num_parameters, length, prod(channels), length))
        self.bias = nn.Parameter(torch.zeros(num_parameters, length))
        self.register_buffer("mask", torch.ones(length, length).tril(-1).unsqueeze(1))

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[: x.dim() - len(self.channels + self.scanned)]
        values = x.reshape(*batch, prod(self.channels), -1)
        parameters = torch.einsum("pkcl,...cl->...pk", self.weight * self.mask, values) + self.bias
        return parameters.reshape(*batch, -1, *self.scanned)


class Recurrent(nn.Module):
    """A GRU over tokens, whose state is all that a step needs."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.cell, self.head = nn.GRU(1, 5, batch_first=True), nn.Linear(5, levels)

    def forward(self, x: Tensor) -> Tensor:
        before = functional.pad(x, (1, 0))[..., :-1].reshape(-1, x.shape[-1], 1)
        return self.head(self.cell(before)[0]).mT.reshape(*x.shape[:-1], -1, x.shape[-1])

    def start(self, size: int, context: Tensor | None) -> Tensor:
        return self.head.weight.new_zeros(1, size, 5)

    def step(self, state: Tensor, previous: Tensor, position: int) -> tuple[Tensor, Tensor]:
        output, state = self.cell(previous.unsqueeze(1), state)
        return self.head(output[:, 0]), state


class Chained(Conditional):
    """Two bits of one position, the second of which depends on the first: as the colours of a pixel do."""

    support, measure = constraints.boolean, "binary"

    def num_parameters(self, channels: int) -> int:
        return 3

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        first, second = value.unbind(-1)
        logits = torch.stack([parameters[..., 0], torch.where(first == 1, parameters[..., 2], parameters[..., 1])], -1)
        return conditionals.Bernoulli().log_prob(logits, torch.stack([first, second], -1))

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        first = torch.bernoulli(parameters[..., 0].sigmoid())
        logits = torch.where(first == 1, parameters[..., 2], parameters[..., 1])
        return torch.stack([first, torch.bernoulli(logits.sigmoid())], -1)


SYMMETRIES = list(itertools.product([(), (0,), (1,), (0, 1)], [False, True]))
Case = tuple[Callable[[], nn.Module], tuple[int, ...], Conditional, Order, int]  # ..., and the levels of a value


def cases() -> dict[str, Case]:
    found: dict[str, Case] = {}

    def add(name: str, make: Callable[[], nn.Module], shape: tuple[int, ...], order: Order, levels: int = 2,
            family: Conditional | None = None) -> None:  # fmt: skip
        family = family or (conditionals.Bernoulli() if levels == 2 else conditionals.Categorical(levels))
        found[name] = make, shape, family, order, levels

    for flip, transpose in SYMMETRIES:
        bits = orders.raster((2, 3), flip=flip, transpose=transpose)
        grey = orders.raster((2, 2), flip=flip, transpose=transpose)
        where = f"flip {flip}{' transpose' * transpose}"
        add(f"bits, {where}", lambda o=bits: GatedPixelCNN((1, *o.scanned), 4, 2), (1, 2, 3), bits)
        add(f"grey, {where}", lambda: GatedPixelCNN((1, 2, 2), 4, 2, num_parameters=3, highest=2), (1, 2, 2), grey, 3)
    for kind in (DiagonalBiLSTM, RowLSTM):
        corner = orders.raster((2, 3), flip=(0,))
        add(f"bits, {kind.__name__}", lambda kind=kind: kind((1, 2, 3), 8, 2), (1, 2, 3), corner)
    mixed, pixels = orders.permutation([2, 0, 3, 1], positions=(2, 2)), orders.raster((2, 2))
    add("grey, permuted", lambda: Triangular((1,), (2, 2), 3), (1, 2, 2), mixed, 3)
    add("two colours", lambda: Triangular((2,), (2, 2), 6), (2, 2, 2), mixed, 3, conditionals.Categorical(3))
    add("two tied colours", lambda: Triangular((2,), (2, 2), 3), (2, 2, 2), pixels, 2, Chained())
    add("grey, diagonals as a sequence", lambda: Recurrent(3), (2, 3), orders.diagonal((2, 3)), 3)
    channels = orders.raster((2, 2, 2), flip=(0,))
    add("channels as positions", lambda: Triangular((), (2, 2, 2), 1), (2, 2, 2), channels)
    for name, order in {"forwards": orders.raster((4,)), "backwards": orders.raster((4,), flip=(0,)),
                        "permuted": orders.permutation([1, 3, 0, 2])}.items():  # fmt: skip
        add(f"tokens, {name}", lambda: Recurrent(3), (4,), order, 3)
    return found


CASES = cases()


def build(name: str) -> tuple[Autoregressive, nn.Module, int]:
    """The distribution, its network with weights large enough that positions depend on each other, and the levels."""
    make, shape, family, order, levels = CASES[name]
    torch.manual_seed(1)
    net = make()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.7)
    return Autoregressive(net.double(), shape, conditional=family, order=order), net, levels


def everything(shape: tuple[int, ...], levels: int) -> Tensor:
    """All events; event k has the digits of k, the first value being the last digit."""
    size = prod(shape)
    digits = torch.arange(levels**size).unsqueeze(-1) // levels ** torch.arange(size) % levels
    return digits.double().reshape(-1, *shape)


def as_drawn(order: Order, event: tuple[int, ...]) -> Tensor:
    """``[*event]``: when each value is drawn."""
    when = torch.empty(len(order), dtype=torch.long)
    when[order.arrange(torch.arange(len(order)).reshape(order.positions)).flatten()] = torch.arange(len(order))
    return when.reshape(order.positions).expand(event)


@pytest.mark.parametrize("name", CASES)
def test_probabilities_sum_to_one_and_draws_follow_them(name):
    fn, _, levels = build(name)
    with torch.no_grad():
        probabilities = fn.log_prob(everything(fn.event_shape, levels)).exp()
    assert abs(probabilities.sum() - 1.0) < 1e-9
    assert probabilities.max() > 3 * probabilities.mean(), "far from uniform, so that the sum means something"
    torch.manual_seed(2)
    draws = fn.sample((20_000,))
    assert fn.support.check(draws).all()
    index = (draws.flatten(1).long() * levels ** torch.arange(fn.event_shape.numel())).sum(-1)
    assert p_value(index.bincount(minlength=len(probabilities)), probabilities) > 0.001


@pytest.mark.parametrize("name", CASES)
def test_a_conditional_depends_on_exactly_what_is_drawn_before_it(name):
    fn, net, _ = build(name)
    order, event = fn.order, tuple(fn.event_shape)
    x = torch.rand(event, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: order.restore(net(order.arrange(x))), x)
    jacobian = jacobian.reshape(-1, len(order), prod(event)).abs().sum(0)  # of each position's parameters
    conditional, value = as_drawn(order, order.positions).flatten(), as_drawn(order, event).flatten()
    before = value.unsqueeze(0) < conditional.unsqueeze(1)
    assert (jacobian[~before] == 0).all()
    assert (jacobian[before] != 0).all()


@pytest.mark.parametrize("name", [name for name in CASES if isinstance(CASES[name][0](), SteppingNetwork)])
def test_steps_give_the_parameters_of_the_whole_pass(name):
    fn, net, levels = build(name)
    values = everything(fn.event_shape, levels)[::7]
    laid_out = fn.order.arrange(values)
    with torch.no_grad():
        whole, laid_out = net(laid_out).flatten(2), laid_out.reshape(len(values), -1)
        state, previous = net.start(len(values), None), torch.zeros(len(values), 1, dtype=torch.float64)
        for position in range(len(fn.order)):
            parameters, state = net.step(state, previous, position)
            torch.testing.assert_close(parameters, whole[..., position])
            previous = laid_out[:, position : position + 1]


@pytest.mark.parametrize(("flip", "transpose"), SYMMETRIES)
def test_an_order_is_what_turning_the_image_is(flip, transpose):
    # The oracle turns the images by torch's own calls and scores them in raster order.
    order = orders.raster((2, 3), flip=flip, transpose=transpose)
    torch.manual_seed(1)
    net, x = GatedPixelCNN((1, *order.scanned), 4, 2), torch.rand(20, 1, 2, 3).round()
    nn.init.normal_(net.bias)
    turned = x.flip([dim - 2 for dim in flip])
    turned = turned.mT if transpose else turned
    expected = Autoregressive(net, (1, *order.scanned)).log_prob(turned)
    torch.testing.assert_close(Autoregressive(net, (1, 2, 3), order=order).log_prob(x), expected)


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        ({"conditional": conditionals.Bernoulli}, "no family of ours", "conditionals.Bernoulli()"),
        ({"order": orders.raster((3, 2))}, "not for this event", "orders.raster((2, 3))"),
        ({"order": orders.raster((1, 1, 2, 3))}, "not for this event", "orders.raster((2, 3))"),
        ({"order": "raster"}, "not for this event", "orders.raster((2, 3))"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_made(arguments, what, fix):
    with pytest.raises(SettingError, match=what) as caught:
        Autoregressive(GatedPixelCNN((1, 2, 3), 2, 1), (1, 2, 3), **arguments)
    assert fix in str(caught.value.fix)


def test_a_network_of_another_family_is_refused_when_it_is_asked():
    # One logit would broadcast to four levels, and the answer would be wrong.
    fn: Any = Autoregressive(GatedPixelCNN((1, 2, 3), 2, 1), (1, 2, 3), conditional=conditionals.Categorical(4))
    for ask in (fn.sample, lambda: fn.log_prob(torch.zeros(1, 2, 3))):
        with pytest.raises(SettingError, match="not what Categorical") as caught:
            ask()
        assert "num_parameters=4" in str(caught.value.fix)
