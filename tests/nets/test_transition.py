from __future__ import annotations

import torch

from ppgen.nets import GatedTransition


def test_with_its_gate_shut_it_stays_where_it_is():
    net = GatedTransition(3)
    net.gate[-1].bias.data.fill_(-1e4)
    z = torch.randn(5, 3)
    torch.testing.assert_close(net(z).mean, z)


def test_with_its_gate_open_it_goes_where_the_proposal_says():
    net = GatedTransition(3)
    net.gate[-1].bias.data.fill_(1e4)
    z = torch.randn(5, 3)
    torch.testing.assert_close(net(z).mean, net.proposal(z))
