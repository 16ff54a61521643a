"""A network that looks ahead has no density, however well its numbers look; nothing else is refused."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ppgen.context import validation
from ppgen.distributions import Autoregressive, orders
from ppgen.errors import SettingError
from ppgen.nets import GatedPixelCNN

SHAPE = (1, 4, 4)


class Masked(nn.Module):
    """One convolution that sees the offsets below ``reach`` of its own position: 0 is the last causal one."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 5, padding=2)
        self.register_buffer("mask", (torch.arange(5) - 2 < reach).float())

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight * self.mask
        flat = x.reshape(-1, 1, x.shape[-1] * x.shape[-2])
        return nn.functional.conv1d(flat, weight, self.conv.bias, padding=2).reshape(x.shape)


class FromTheEnd(nn.Module):
    """Causal within reach, but the first position reads the last one."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(-3).roll(1, -1).reshape(x.shape)

    def parameters(self, recurse: bool = True) -> Any:
        return iter([])


class Noisy(nn.Module):
    """Causal, with all that is random or takes statistics of its batch; the noise stays in evaluation mode too."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = GatedPixelCNN(SHAPE, hidden=4, num_layers=1)
        self.norm, self.dropout = nn.BatchNorm2d(1), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.norm(self.inner(x))) + torch.randn(x.shape)


def bits(size: int = 5) -> Tensor:
    return torch.rand(size, *SHAPE, generator=torch.Generator().manual_seed(0)).round()


@pytest.mark.parametrize(
    "network", [nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1), Masked(1), Masked(2), FromTheEnd()]
)
@pytest.mark.parametrize("size", [1, 5])
def test_a_network_that_sees_its_own_position_or_a_later_one_is_refused(network, size):
    fn = Autoregressive(network, SHAPE, validate_args=True)
    with pytest.raises(SettingError, match=f"{type(network).__name__} is not causal") as caught:
        fn.log_prob(bits(size))
    assert "values from position" in str(caught.value.got)


def test_one_value_alone_is_enough_to_show_it():
    x = bits(1)[0]
    with pytest.raises(SettingError, match="not causal"):
        Autoregressive(Masked(1), SHAPE, validate_args=True).log_prob(x)
    Autoregressive(Masked(0), SHAPE, validate_args=True).log_prob(x)


def test_a_context_goes_to_the_rows_it_belongs_to():
    class LooksBackOnlyWithoutContext(nn.Module):
        def forward(self, x: Tensor, context: Tensor) -> Tensor:
            return x * context[..., None, None]

    network = LooksBackOnlyWithoutContext()
    nothing, something = torch.zeros(5, 1), torch.tensor([[0.0], [0.0], [0.0], [0.0], [1.0]])
    Autoregressive(network, SHAPE, nothing, validate_args=True).log_prob(bits())
    with pytest.raises(SettingError, match="not causal"):
        Autoregressive(network, SHAPE, something, validate_args=True).log_prob(bits())
    with pytest.raises(SettingError, match="not causal"):
        Autoregressive(network, SHAPE, torch.ones(1), validate_args=True).log_prob(bits().expand(3, 5, *SHAPE))


@pytest.mark.parametrize("order", [orders.raster((4, 4), flip=(0,), transpose=True), orders.permutation(
    torch.randperm(16, generator=torch.Generator().manual_seed(1)), positions=(4, 4))])  # fmt: skip
def test_causal_is_meant_in_the_order_of_drawing(order):
    Autoregressive(Masked(0), SHAPE, order=order, validate_args=True).log_prob(bits())
    with pytest.raises(SettingError, match="not causal"):
        Autoregressive(Masked(1), SHAPE, order=order, validate_args=True).log_prob(bits())


def test_noise_dropout_and_batch_norm_are_no_look_ahead():
    Autoregressive(Noisy(), SHAPE, validate_args=True).log_prob(bits())


def test_where_arguments_are_not_checked_it_costs_nothing():
    network, passes = nn.Conv2d(1, 1, 3, padding=1), []
    network.register_forward_hook(lambda *_: passes.append(1))
    with validation(False):
        Autoregressive(network, SHAPE).log_prob(bits())
    assert len(passes) == 1


def test_it_leaves_no_mark():
    network = Noisy()
    results = []
    for check in (False, True):
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)  # the global state is what is asked for
        network.norm.reset_running_stats()
        network.zero_grad()
        log_prob = Autoregressive(network, SHAPE, validate_args=check).log_prob(bits())
        log_prob.sum().backward()
        results.append(
            (
                log_prob.detach(),
                *(p.grad for p in network.parameters()),
                network.norm.running_mean.clone(),
                torch.rand(2),
                torch.tensor([random.random(), np.random.rand()]),
            )
        )
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))
    assert network.training


def test_a_buffer_that_the_gradient_needs_stays_untouched():
    network = Masked(0)
    Autoregressive(network, SHAPE, validate_args=True).log_prob(bits()).sum().backward()
    assert network.conv.weight.grad is not None
