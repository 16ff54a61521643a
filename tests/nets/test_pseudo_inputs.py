from __future__ import annotations

import torch

from ppgen.nets import PseudoInputs


def test_values_lie_between_those_of_binary_data():
    u = PseudoInputs(5, (1, 4, 4))()
    assert u.shape == (5, 1, 4, 4)
    assert ((u > 0) & (u < 1)).all()


def test_starts_near_data_and_can_move_on():
    net, x = PseudoInputs(5, (3,)), torch.rand(5, 3).round()
    net.start_at(x)
    torch.testing.assert_close(net(), 0.05 + 0.9 * x)
    net().sum().backward()
    assert (net.logits.grad > 0.04).all(), "a sigmoid that is not saturated"
