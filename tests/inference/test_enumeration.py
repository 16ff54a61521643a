"""Discrete latents are summed out exactly."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceEnum_ELBO
from torch import Tensor

from ppgen.context import validation
from ppgen.declare import Guide, latent
from ppgen.errors import DataError, DeclarationError
from ppgen.guides import FullRank, MeanField, Structured
from ppgen.inference.bound import elbo_parts, elbo_per_datum, log_weights
from ppgen.inference.enumeration import enumerate_discrete, logsumexp_by_datum, num_values, sum_by_datum
from tests.oracles.mixture import Mixture
from tests.oracles.small_discrete import Bits, BitsGuide, log_joint, log_q


@pytest.fixture
def model() -> Mixture:
    torch.manual_seed(0)
    return Mixture()


@pytest.mark.parametrize("family", [MeanField, FullRank, Structured])
def test_the_bound_is_the_one_that_pyro_enumerates(model: Mixture, family: Any) -> None:
    x = model(size=6)["x"].detach().repeat(20, 1)
    guide = family(model)
    with torch.no_grad(), validation(False):
        ours = torch.stack([elbo_per_datum(model, guide, {"x": x}).sum() for _ in range(60)])
        theirs = torch.tensor([-TraceEnum_ELBO(max_plate_nesting=1).loss(model, guide, {"x": x}) for _ in range(60)])
    error = (ours.var() / 60 + theirs.var() / 60).sqrt()
    assert (ours.mean() - theirs.mean()).abs() < 4 * error
    assert error < 0.15 * len(x)  # nats; without q(y | x), or its prior, the bound would be off by 1.1 a datum


def test_no_bound_is_above_log_p(model: Mixture) -> None:
    x = model(size=50)["x"].detach()
    exact = model.log_joint(x).logsumexp(-1).mean()
    guide = Structured(model)
    with torch.no_grad():
        values = torch.stack([elbo_per_datum(model, guide, {"x": x}).mean() for _ in range(50)])
        weighted = torch.stack([log_weights(model, guide, {"x": x}).mean() for _ in range(50)])
    assert values.mean() < exact + 3 * values.std() / 50**0.5
    assert values.mean() < weighted.mean() < exact


def test_an_observed_value_is_one_row_and_a_missing_one_is_all() -> None:
    torch.manual_seed(0)
    model = Mixture()
    x = model(size=3)["x"].detach()
    enumerated = enumerate_discrete(MeanField(model), {"x": x, "y": torch.tensor([2, -1, 0])}, ["y"])
    assert enumerated.datum.tolist() == [0, 1, 1, 1, 2]
    assert enumerated.batch["y"].tolist() == [2, 0, 1, 2, 0]
    assert enumerated.unknown["y"].tolist() == [False, True, True, True, False]
    weights = sum_by_datum(enumerated.log_weight.exp(), enumerated.datum, 3)
    torch.testing.assert_close(weights, torch.ones(3))
    drawn = elbo_parts(model, MeanField(model), {"x": x, "y": torch.tensor([2, -1, 0])}, 3)
    assert drawn.label_nll["y"] > 0
    with pytest.raises(DataError, match="y: an observed value is none"):
        enumerate_discrete(MeanField(model), {"x": x, "y": torch.tensor([3, -1, 0])}, ["y"])


def test_a_discrete_site_after_a_continuous_one_is_refused(model: Mixture) -> None:
    class Backwards(Guide):
        @latent
        def z(self, x: Tensor) -> Any:
            return dist.Normal(x[:, :2], 1.0).to_event(1)

        @latent
        def y(self, z: Tensor) -> Any:
            return dist.Categorical(torch.ones(3).expand(len(z), 3))

    with pytest.raises(DeclarationError, match="'y' depends on the continuous latent 'z'"):
        elbo_parts(model, Backwards(), {"x": torch.zeros(2, 4)}, 2)


def test_rows_are_gathered_by_datum() -> None:
    values, datum = torch.tensor([0.0, 1.0, -50.0, 2.0]), torch.tensor([0, 0, 1, 1])
    expected = torch.stack([values[:2].logsumexp(0), values[2:].logsumexp(0)])
    torch.testing.assert_close(logsumexp_by_datum(values, datum, 2), expected)


@pytest.mark.parametrize(
    ("fn", "count"),
    [
        (dist.Categorical(torch.ones(2, 5)), 5),
        (dist.OneHotCategorical(torch.ones(2, 4)), 4),
        (dist.Bernoulli(torch.full((2,), 0.5)), 2),
        (dist.Bernoulli(torch.full((2, 6), 0.5)).to_event(1), 64),
        (dist.Geometric(torch.full((2,), 0.5)), 0),
        (dist.Normal(torch.zeros(2), 1.0), 0),
        (dist.Categorical(torch.ones(2, 3, 5)).to_event(1), 0),
    ],
)
def test_values_are_counted_where_they_can_be_listed(fn: Any, count: int) -> None:
    assert num_values(fn) == count


def test_a_vector_of_bits_is_summed_out_over_all_its_values() -> None:
    model, guide, x = Bits(), BitsGuide(), torch.randn(5, 3)
    q, joint = log_q(guide, x), log_joint(model, x)
    torch.testing.assert_close(log_weights(model, guide, {"x": x}), joint.logsumexp(1))
    torch.testing.assert_close(elbo_per_datum(model, guide, {"x": x}), (q.exp() * (joint - q)).sum(1))
