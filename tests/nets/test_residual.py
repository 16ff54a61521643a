from __future__ import annotations

import torch

from ppgen.nets import ResidualBlock


def test_without_its_correction_it_is_the_identity():
    block = ResidualBlock(4, inner=6)
    torch.nn.init.zeros_(block.correction[-1].weight)
    torch.nn.init.zeros_(block.correction[-1].bias)
    h = torch.randn(3, 5, 4)
    assert (block(h) == h).all()
