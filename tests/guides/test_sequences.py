from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.declare import Model, latent, observed
from ppgen.guides import FullRank, MeanField
from ppgen.models import DeepMarkovModel
from ppgen.nets import SequenceEncoder, VectorEncoder
from tests.oracles.ascent import bound, maximise
from tests.oracles.state_space import LinearStates


class Matrix(Model):
    """A matrix that is no sequence: nothing in the model moves along one of its sides."""

    @latent
    def z(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z.unsqueeze(-1).expand(*z.shape, 3), 1.0).to_event(2)


def test_a_sequence_is_what_a_path_of_states_runs_along() -> None:
    for model in (LinearStates(), DeepMarkovModel((5, 2), latent_dim=2, hidden=8)):
        guide = MeanField(model).setup({"x": model(size=4)["x"]})
        assert isinstance(guide.evidence.readers["x"], SequenceEncoder)
    assert isinstance(MeanField(Matrix()).evidence.readers["x"], VectorEncoder)


@pytest.mark.usefixtures("float64")
def test_the_smoother_is_reached() -> None:
    """Within one nat for 64 sequences of the Kalman filter's likelihood, and not above it."""
    torch.manual_seed(0)
    model = LinearStates()
    x = model(size=64)["x"]
    guide = FullRank(model, width=32)
    maximise(model, guide, {"x": x}, 400, 0.02)
    value, error = bound(model, guide, {"x": x}, 400)
    exact = model.log_prob(x).sum().item()
    assert exact - 1.0 - 3 * error < value < exact + 3 * error
