"""Devices, seeds, checks and modes of a block."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.util import is_validation_enabled
from torch import nn
from torch.distributions import Distribution

from ppgen.context import frozen, preserved_state, reseed, seeded, validation
from ppgen.device import resolve_device
from ppgen.errors import SettingError


def test_auto_takes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == resolve_device(torch.device("cpu")) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", 7.5, None])
def test_names_that_are_no_devices(name: Any) -> None:
    with pytest.raises(SettingError, match="device"):
        resolve_device(name)


def test_cuda_that_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingError, match=r"(?s)no CUDA device here.*device=\"cpu\""):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SettingError, match="no such CUDA device"):
        resolve_device("cuda:3")


@pytest.mark.parametrize("device", ["meta", "mps", "xla", torch.device("meta")])
def test_devices_that_hold_no_numbers_here(device: Any) -> None:
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("needs a machine without it")
    with pytest.raises(SettingError, match="nothing can be computed there"):
        resolve_device(device)


CPU = torch.device("cpu")


def test_seeded_blocks_are_alike_and_alone() -> None:
    state = torch.get_rng_state()
    draws = []
    for seed in (5, 5, 6):
        with seeded(seed, CPU):
            draws.append(torch.rand(3))
    with pytest.raises(KeyError), seeded(5, CPU):
        raise KeyError
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_numbers_are_those_of_torchs_own_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("other devices are not ours"))
    reseed(7, CPU)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_device_has_its_own() -> None:
    device = torch.device("cuda")
    state = torch.cuda.get_rng_state(device)
    draws = []
    for _ in range(2):
        with seeded(5, device):
            draws.append(torch.rand(3, device=device))
    assert torch.equal(*draws)
    assert torch.equal(torch.cuda.get_rng_state(device), state)
    with seeded(5, CPU):
        torch.rand(3)
    assert torch.equal(torch.cuda.get_rng_state(device), state)


class Busy(nn.Module):
    """Changes all that it can."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.frozen, self.lazy = nn.BatchNorm1d(2), nn.Dropout().eval(), nn.LazyBatchNorm1d()
        self.register_buffer("count", torch.zeros(2))

    def forward(self) -> torch.Tensor:
        self.count += 1
        self.count = self.count + 1
        pyro.sample("z", dist.Normal(0.0, 1.0))
        return self.norm(torch.randn(4, 2)) + random.random() + np.random.rand()


def test_everything_is_put_back():
    module = Busy()
    before = {name: value.clone() for name, value in module.state_dict().items() if "lazy" not in name}
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    with pyro.poutine.trace() as outer, preserved_state(module):
        assert not module.norm.training
        assert not module().requires_grad
    assert all(torch.equal(module.state_dict()[name], value) for name, value in before.items())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.array_equal(np.random.get_state()[1], states[2][1])
    assert module.norm.training
    assert not module.frozen.training
    assert not outer.trace.nodes


def test_also_after_an_error():
    module = Busy()
    with pytest.raises(ZeroDivisionError), preserved_state(module):
        module() / (1 // 0)
    assert module.training
    assert module.count.tolist() == [0.0, 0.0]
    assert torch.is_grad_enabled()


def state() -> tuple[bool, bool, bool]:
    return is_validation_enabled(), Distribution._validate_args, pyro.settings.get("validate_poutine")


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_a_block_has_its_own_setting_and_gives_the_old_one_back(outside, inside):
    before = state()
    with validation(outside):
        with validation(inside):
            assert state() == (inside,) * 3
        assert state() == (outside,) * 3
        with pytest.raises(KeyError), validation(inside):
            raise KeyError
        assert state() == (outside,) * 3
    assert state() == before


def test_settings_that_differ_are_kept_apart():
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        with validation(True):
            assert state() == (True, True, True)
        assert state() == (True, False, True)
    finally:
        Distribution.set_default_validate_args(before)


def test_gradients_pass_through_and_do_not_stay() -> None:
    layer, x = nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
    before = layer(x)
    with frozen(layer, "no module", None):
        inside = layer(x)
    (before + inside).sum().backward()
    assert torch.equal(x.grad, 2 * layer.weight.detach())
    assert torch.equal(layer.weight.grad, torch.ones(1, 2))  # of the graph built before, not of the one inside


def test_what_was_fixed_before_stays_fixed_and_an_error_thaws_the_rest() -> None:
    layer = nn.Linear(2, 1)
    layer.bias.requires_grad_(False)
    with pytest.raises(ValueError, match="inside"), frozen(layer):
        raise ValueError("inside")
    assert (layer.weight.requires_grad, layer.bias.requires_grad) == (True, False)
