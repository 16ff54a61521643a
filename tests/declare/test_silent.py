from __future__ import annotations

import random

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import nn

from ppgen.declare.silent import silent


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
    with pyro.poutine.trace() as outer, silent(module):
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
    with pytest.raises(ZeroDivisionError), silent(module):
        module() / (1 // 0)
    assert module.training
    assert module.count.tolist() == [0.0, 0.0]
    assert torch.is_grad_enabled()
