from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from ppgen.guides import MeanField, NetworkGuide
from ppgen.models import DeepMarkovModel
from ppgen.nets import Smoother
from tests.oracles.ascent import bound, maximise
from tests.oracles.state_space import LinearStates


class Linear(nn.Module):
    """``Normal(A z, s)``."""

    def __init__(self, matrix: Tensor, scale: float) -> None:
        super().__init__()
        self.matrix, self.scale = matrix, scale

    def forward(self, z: Tensor) -> dist.TorchDistribution:
        return dist.Normal(z @ self.matrix.T, self.scale).to_event(1)


def linear(states: LinearStates) -> DeepMarkovModel:
    """The same story as that of the linear state space model."""
    model = DeepMarkovModel((states.length, 3), latent_dim=2)
    model.transition, model.emission = Linear(states.a, 0.5), Linear(states.b, 0.7)
    return model


@pytest.mark.usefixtures("float64")
def test_density_is_that_of_start_steps_and_emissions():
    model = linear(states := LinearStates())
    nn.init.normal_(model.start_loc)
    nn.init.normal_(model.start_log_scale)
    trace = pyro.poutine.trace(model).get_trace({"x": torch.randn(4, 5, 3)}, 4)
    trace.compute_log_prob()
    z, x = trace.nodes["z"]["value"], trace.nodes["x"]["value"]
    start = Normal(model.start_loc, model.start_log_scale.exp()).log_prob(z[:, 0]).sum(-1)
    steps = Normal(z[:, :-1] @ states.a.T, 0.5).log_prob(z[:, 1:]).sum((-1, -2))
    torch.testing.assert_close(trace.nodes["z"]["log_prob"], start + steps)
    torch.testing.assert_close(trace.nodes["x"]["log_prob"], Normal(z @ states.b.T, 0.7).log_prob(x).sum((-1, -2)))


@pytest.mark.usefixtures("float64")
def test_a_guide_that_knows_of_time_beats_one_that_does_not_and_stays_below_the_kalman_filter():
    states = LinearStates()
    model, x = linear(states), states(size=16)["x"]
    exact, bounds = states.log_prob(x).sum().item(), []
    for guide in (MeanField(model, width=16).setup({"x": x}), NetworkGuide(Smoother(3, 2, hidden=16))):
        maximise(model, guide, {"x": x}, 80, 0.03)
        bounds.append(bound(model, guide, {"x": x}))
    (apart, error), (together, other) = bounds
    print(exact, bounds)
    assert together > apart + 3 * (error + other)
    assert together < exact + 3 * other
