from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.errors import DeclarationError
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.inference.bound import elbo_parts, kl_per_dimension
from ppgen.inference.importance import log_weights
from ppgen.models import VAE, ConditionalVAE
from tests.oracles.conjugate import SharedMean, TwoLevels

pytestmark = pytest.mark.usefixtures("float64")


class Views(Model):
    """z ~ Normal(0, 1);  in three views: w ~ Normal(z, 1), x ~ Normal(w, 1). Three is also a number of rows."""

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @latent(plate="views")
    def w(self, z: Tensor) -> Any:
        return dist.Normal(z, 1.0)

    @observed(plate="views")
    def x(self, w: Tensor) -> Any:
        return dist.Normal(w, 1.0)


CASES = [
    pytest.param(lambda: VAE((1, 8, 8), latent_dim=3), MeanField, {"x": (1, 8, 8)}, id="vae"),
    pytest.param(lambda: ConditionalVAE((1, 8, 8), latent_dim=3), FullRank, {"x": (1, 8, 8), "y": None}, id="cvae"),
    pytest.param(TwoLevels, FullRank, {"x": (5,)}, id="two levels"),
    pytest.param(Views, MeanField, {"x": (3,)}, id="inner plate"),
]


@pytest.mark.parametrize("rows", [3, 5])
@pytest.mark.parametrize(("make", "family", "shapes"), CASES)
def test_log_weights_add_up_to_the_traces(make: Any, family: Any, shapes: dict[str, Any], rows: int) -> None:
    batch = {
        key: torch.arange(rows) if shape is None else torch.bernoulli(torch.full((rows, *shape), 0.5))
        for key, shape in shapes.items()
    }
    model = make()
    guide = family(model).setup(batch)
    pyro.set_rng_seed(0)
    drawn = pyro.poutine.trace(guide).get_trace(batch, rows)
    scored = pyro.poutine.trace(pyro.poutine.replay(model, drawn)).get_trace(batch, rows)
    pyro.set_rng_seed(0)
    weights = log_weights(model, guide, batch)
    assert weights.shape == (rows,)
    torch.testing.assert_close(weights.sum(), scored.log_prob_sum() - drawn.log_prob_sum(), rtol=0, atol=1e-9)


def test_each_weight_belongs_to_its_row() -> None:
    """Another row changes its own weight and no other, also where an inner plate is as long as the batch."""
    model = Views()
    x = torch.randn(3, 3)
    guide = MeanField(model).setup({"x": x})
    weights = []
    for shift in (0.0, 5.0):
        pyro.set_rng_seed(0)
        weights.append(log_weights(model, guide, {"x": x + torch.tensor([[0.0], [shift], [0.0]])}))
    changed = weights[0] != weights[1]
    assert changed.tolist() == [False, True, False]


def test_weights_without_latents_are_exact() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(1.0, 2.0).expand([3]).to_event(1), obs=x)

    x = torch.randn(4, 3)
    program = ppgen.Program(model).setup({"x": x})
    torch.testing.assert_close(log_weights(program.model, None, {"x": x}), dist.Normal(1.0, 2.0).log_prob(x).sum(1))


def test_a_program_without_sites_has_no_weights() -> None:
    with pytest.raises(DeclarationError, match="neither observed nor latent"):
        log_weights(lambda batch, size: None, None, {"x": torch.zeros(3)})


def test_a_global_latent_has_no_weight_per_datum() -> None:
    model, x = SharedMean(), torch.randn(4, 2)
    with pytest.raises(DeclarationError, match="mu"):
        log_weights(model, MeanField(model), {"x": x})


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
