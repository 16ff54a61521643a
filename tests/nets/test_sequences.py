"""Networks over sequences: a two-way reader, a gated transition, and the smoother of a deep Markov model."""

from __future__ import annotations

import torch

from ppgen import nets
from ppgen.nets import GatedTransition, Smoother


def test_order_and_every_step_count():
    encoder, x = nets.SequenceEncoder((5, 2), 8), torch.randn(3, 5, 2)
    torch.nn.init.zeros_(encoder.affine.weight)
    features = encoder(x)
    assert not torch.allclose(features, encoder(x.flip(1)))
    for step in range(5):
        other = x.clone()
        other[:, step] += 1.0
        assert not torch.allclose(features, encoder(other))


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
