from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch.distributions import kl_divergence

from ppgen.guides import Delta, MeanField
from ppgen.inference.bound import elbo_parts, kl_per_dimension
from tests.oracles.conjugate import SharedMean, TwoLevels

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("rows", [2, 10])
def test_parts_are_per_datum_of_the_whole_data_set(rows: int) -> None:
    """A minibatch of 10 stands for all: the global rate counts once for the data set, whatever the batch."""
    model, x = SharedMean(), torch.randn(10, 2)
    guide = MeanField(model)
    found = elbo_parts(model, guide, {"x": x[:rows]}, 10)
    q = dist.Normal(torch.zeros(2), 0.1).to_event(1)  # where a global latent's guide starts
    p = dist.Normal(torch.zeros(2), 2.0).to_event(1)
    torch.testing.assert_close(found.rates["mu"], kl_divergence(q, p) / 10, rtol=1e-4, atol=0)
    local = found.trace.latents["z"]
    torch.testing.assert_close(found.rates["z"], kl_divergence(local.guide_fn, local.model_fn).mean())
    torch.testing.assert_close(found.distortion, -found.trace.observed["x"].log_prob().mean())
    torch.testing.assert_close(found.rate, found.rates["mu"] + found.rates["z"])


def test_parts_of_a_model_without_data() -> None:
    def model(batch: Any, size: int) -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    found = elbo_parts(model, model, {}, 1)
    assert found.distortion == 0
    assert found.rate == 0


def test_kl_per_dimension_adds_up() -> None:
    q = dist.Normal(torch.randn(4, 3), torch.rand(4, 3) + 0.1).to_event(1)
    p = dist.Normal(torch.zeros(4, 3), 1.0).to_event(1)
    each = kl_per_dimension(q, p)
    assert each is not None
    assert each.shape == (4, 3)
    torch.testing.assert_close(each.sum(-1), kl_divergence(q, p))


@pytest.mark.parametrize(
    ("q", "p"),
    [
        (dist.Normal(0.0, 1.0), dist.Normal(0.0, 1.0)),
        (dist.TransformedDistribution(dist.Normal(0.0, 1.0), []), dist.HalfNormal(1.0)),
        (dist.MultivariateNormal(torch.zeros(2), torch.eye(2)), dist.Normal(torch.zeros(2), 1.0).to_event(1)),
        (dist.Gamma(torch.ones(2), 1.0).to_event(1), dist.LogNormal(torch.zeros(2), 1.0).to_event(1)),
        (dist.Normal(torch.zeros(2, 3), 1.0).to_event(1), dist.Normal(torch.zeros(2, 3), 1.0).to_event(2)),
    ],
)
def test_kl_per_dimension_of_what_does_not_factorise(q: Any, p: Any) -> None:
    assert kl_per_dimension(q, p) is None


def test_a_record_names_the_parts_and_their_sum() -> None:
    model = TwoLevels()
    x = {"x": torch.randn(3, 5)}
    found = elbo_parts(model, MeanField(model), x, 3)
    record = found.record()
    assert list(record) == ["rate/z2", "rate/z1", "distortion", "elbo"]
    torch.testing.assert_close(record["elbo"], -(found.distortion + found.rate).detach())
    assert not any(value.requires_grad for value in record.values())
    assert "log_joint" in elbo_parts(model, Delta(model), x, 3).record()
