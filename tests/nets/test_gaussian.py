from __future__ import annotations

import torch
from torch import nn

from ppgen.nets import Gaussian
from ppgen.nets.gaussian import SMALLEST_SCALE


def test_an_output_of_zero_is_the_standard_normal():
    net = Gaussian(nn.Identity(), 3, 2)
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    fn = net(torch.randn(5, 3))
    assert (fn.batch_shape, fn.event_shape) == ((5,), (2,))
    torch.testing.assert_close(fn.mean, torch.zeros(5, 2))
    torch.testing.assert_close(fn.stddev, torch.ones(5, 2), rtol=0, atol=2 * SMALLEST_SCALE)


def test_scale_never_collapses():
    net = Gaussian(nn.Identity(), 1, 1)
    assert (net(torch.tensor([[-1e6], [1e6]])).stddev >= SMALLEST_SCALE).all()
