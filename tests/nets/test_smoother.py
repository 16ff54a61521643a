from __future__ import annotations

import torch

from ppgen.nets import Smoother


def test_a_state_reads_the_present_and_the_future_and_the_past_through_the_last_state():
    net = Smoother(2, 3, hidden=8).double()
    x, z = torch.randn(1, 5, 2).double(), torch.randn(1, 5, 3).double()

    def steps(x: torch.Tensor) -> torch.Tensor:
        path = net(x)
        first = path.initial.mean
        others = path.transition(z[:, :-1], path.inputs).mean
        return torch.cat([first.unsqueeze(1), others], 1)[0].sum(-1)

    reads = (torch.autograd.functional.jacobian(steps, x)[:, 0].abs().sum(-1) > 0).long()
    assert reads.tolist() == torch.ones(5, 5).triu().long().tolist()


def test_keeps_batch_dimensions():
    net = Smoother(2, 3, hidden=8)
    x = torch.randn(4, 6, 5, 2)
    assert net(x).batch_shape == (4, 6)
    torch.testing.assert_close(net(x).initial.mean[1, 2], net(x[1, 2:3]).initial.mean[0])
