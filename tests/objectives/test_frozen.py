from __future__ import annotations

import pytest
import torch
from torch import nn

from ppgen.objectives.frozen import frozen


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
