from __future__ import annotations

import pytest
import torch

from ppgen.nets import over_batch


@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (2, 1, 4), (0,), (3, 0)])
def test_gives_what_a_loop_over_events_gives(batch):
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(2, 3, 3)
    x = torch.randn(*batch, 2, 5, 6)
    expected = torch.empty(*batch, 3, 3, 4)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in batch)).reshape(-1, len(batch)) if batch else [()]:
        where = tuple(int(i) for i in index)
        expected[where] = convolution(x[where].unsqueeze(0)).squeeze(0)
    torch.testing.assert_close(over_batch(convolution, x, event_dim=3), expected)
