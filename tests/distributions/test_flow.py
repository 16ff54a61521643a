from __future__ import annotations

import pytest
import torch

from ppgen.distributions import FlowDistribution
from ppgen.nets import Flow


@pytest.mark.parametrize("batch", [(), (5,), (2, 5)])
def test_shapes_and_densities_are_the_flows(batch):
    flow = Flow(3, num_transforms=2, hidden=(8,)).flow()
    ours = FlowDistribution(flow).expand(batch)
    assert (ours.batch_shape, ours.event_shape) == (batch, (3,))
    draw = ours.rsample((4,))
    assert draw.shape == (4, *batch, 3)
    assert ours.support.check(draw).all()
    torch.testing.assert_close(ours.log_prob(draw), flow.log_prob(draw))
    assert ours.log_prob(draw).shape == (4, *batch)


def test_density_integrates_to_one():
    flow = FlowDistribution(Flow(2, num_transforms=2, hidden=(8,)).flow())
    line = torch.arange(-9.0, 9.0, 0.1)
    with torch.no_grad():
        total = flow.log_prob(torch.cartesian_prod(line, line)).double().exp().sum() * 0.01
    assert abs(total - 1.0) < 1e-4


def test_a_context_makes_a_batch():
    ours = FlowDistribution(Flow(3, 2, num_transforms=2, hidden=(8,)).flow(torch.randn(5, 2)))
    assert ours.batch_shape == (5,)
    assert ours.rsample().shape == (5, 3)
