from __future__ import annotations

import pytest
import torch

from ppgen.nets import critic


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1,), (20,)])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_gives_one_logit_per_event(shape, batch):
    torch.manual_seed(0)
    assert critic(shape)(torch.randn(*batch, *shape)).shape == batch


def test_passes_a_gradient_on_to_the_event():
    torch.manual_seed(0)
    x = torch.randn(4, 1, 8, 8, requires_grad=True)
    critic((1, 8, 8))(x).sum().backward()
    assert (x.grad != 0).all(0).any()
    assert x.grad.isfinite().all()
