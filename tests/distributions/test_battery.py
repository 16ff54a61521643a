"""What every distribution owes a plate: shapes, supports, and an expansion that leaves the original as it was."""

from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch

from ppgen.distributions import Autoregressive, DiscretizedLogisticMixture, Ensemble, EqualMixture, Markov
from ppgen.nets import MADE, Flow, GatedPixelCNN

SHAPE, NORMAL = (1, 3, 4), dist.Normal(torch.zeros(2), 1.0).to_event(1)
FAMILIES = {
    "Autoregressive": lambda: Autoregressive(GatedPixelCNN(SHAPE, 4, 1), SHAPE),
    "Autoregressive, given": lambda: Autoregressive(
        GatedPixelCNN(SHAPE, 4, 1, context_dim=2), SHAPE, torch.zeros(5, 2)
    ),
    "DiscretizedLogisticMixture": lambda: DiscretizedLogisticMixture(torch.zeros(5, 100), channels=3),
    "Ensemble": lambda: Ensemble(
        [Autoregressive(each, SHAPE, order=each.order) for each in MADE(SHAPE, (8,), 2, "random").members]
    ),
    "EqualMixture": lambda: EqualMixture(NORMAL.expand([4])),
    "Markov": lambda: Markov(NORMAL, lambda z: dist.Normal(z, 1.0).to_event(1), 3),
    "Markov, given": lambda: Markov(NORMAL, lambda z, u: dist.Normal(z + u, 1.0).to_event(1), 3, torch.zeros(5, 2, 2)),
    "FlowDistribution": lambda: Flow(3, num_transforms=1, hidden=(8,))(),
}


@pytest.mark.parametrize("batch", [(5,), (2, 5)])
@pytest.mark.parametrize("family", FAMILIES)
def test_draws_and_densities_have_the_shape_of_the_plate(family, batch):
    fn = FAMILIES[family]()
    before, wide = fn.batch_shape, fn.expand(batch)
    assert (wide.batch_shape, wide.event_shape, fn.batch_shape) == (batch, fn.event_shape, before)
    draw = wide.sample((4,))
    assert draw.shape == (4, *batch, *fn.event_shape)
    assert wide.log_prob(draw).shape == fn.log_prob(draw).shape == (4, *batch)
    assert wide.log_prob(draw[0]).shape == batch
    assert wide.support.check(draw).all()
    assert wide.has_rsample == fn.has_rsample
    assert fn.expand_by([0, 3]).sample().shape == (0, 3, *before, *fn.event_shape)
