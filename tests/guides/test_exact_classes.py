"""Classes of mixtures: ``q(c | x)`` is what Bayes' rule says at the middle of ``q(theta)``; no component is lost."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.inference import discrete_sites, enumerate_discrete


class EvenMixture(Model):
    """locs ~ Normal(0, 10), once;  c ~ one of three, x ~ Normal(locs_c, 1)."""

    @latent(local=False)
    def locs(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 10.0).expand([3]).to_event(1)

    @latent
    def c(self) -> dist.TorchDistribution:
        return dist.Categorical(torch.ones(3) / 3)

    @observed
    def x(self, c: Tensor, locs: Tensor) -> dist.TorchDistribution:
        return dist.Normal(locs[c], 1.0)


class TwoClasses(Model):
    """a ~ Bernoulli(0.3), b ~ one of three given a, x ~ Normal(m_ab, 1), with a shift m of all locations."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.tensor([[0.0, 2.0, 4.0], [-1.0, -3.0, 1.0]])
        self.rows = torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])

    @latent(local=False)
    def shift(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0)

    @latent
    def a(self) -> dist.TorchDistribution:
        return dist.Bernoulli(0.3)

    @latent
    def b(self, a: Tensor) -> dist.TorchDistribution:
        return dist.OneHotCategorical(self.rows[a.long()])

    @observed
    def x(self, a: Tensor, b: Tensor, shift: Tensor) -> dist.TorchDistribution:
        return dist.Normal((self.table[a.long()] * b).sum(-1) + shift, 1.0)


def two_clusters() -> Tensor:
    torch.manual_seed(0)
    return torch.cat([torch.randn(100) - 4, torch.randn(100) + 4])


@pytest.mark.parametrize("rate", [0.03, 0.3])
def test_two_components_share_a_cluster_whatever_the_learning_rate(rate: float) -> None:
    """A third component without data would cost half of log 2: that is where a head for q(c | x) ended."""
    data = {"x": two_clusters()}
    whole = ppgen.data.from_tensors(data, valid=0.0, test=0.0)
    fit = ppgen.fit(EvenMixture(), whole, max_epochs=60, learning_rate=rate, batch_size=200, progress=False)
    low, high = data["x"][:100].mean(), data["x"][100:].mean()
    each = dist.Normal(torch.stack([low, high, high]), 1.0).log_prob(data["x"].unsqueeze(-1)) - math.log(3)
    best = float(each.logsumexp(-1).mean())
    assert best - 0.15 < fit.elbo(data, num_particles=50).value < best


@pytest.mark.parametrize(
    "family", [ppgen.guides.MeanField, ppgen.guides.FullRank, ppgen.guides.Flow, ppgen.guides.Delta]
)
def test_classes_are_those_of_bayes(family: Any) -> None:
    """All of them at the guide's middle, which Delta gives and a Gaussian has in its parameters: 0, as it begins."""
    model, x = TwoClasses(), torch.linspace(-4, 5, 7)
    guide = family(model).setup({"x": x})
    middle = guide.exact.joint({"x": x})
    locations = model.table + (0.0 if family is not ppgen.guides.Flow else guide.exact._middle()["shift"].detach())
    prior = torch.tensor([[0.7], [0.3]]).log() + model.rows.log()
    joint = prior + dist.Normal(locations, 1.0).log_prob(x[:, None, None])
    assert torch.allclose(middle - middle.logsumexp((1, 2), True), joint - joint.logsumexp((1, 2), True), atol=1e-5)
    rows = enumerate_discrete(guide, {"x": x}, discrete_sites(guide, {"x": x}))
    posterior = joint - joint.logsumexp((1, 2), True)
    assert torch.allclose(rows.log_weight.reshape(7, 2, 3), posterior, atol=1e-5)


def test_a_class_that_is_known_is_taken_as_it_is() -> None:
    model, x = TwoClasses(), torch.linspace(-4, 5, 7)
    guide, a = ppgen.guides.MeanField(model), torch.tensor([0, 1, -1, -1, 0, 1, 1])
    rows = enumerate_discrete(guide.setup({"x": x}), {"x": x, "a": a}, ["a", "b"])
    assert len(rows.datum) == 5 * 3 + 2 * 6
    seen = rows.datum == 1
    b = dist.Normal(model.table[1], 1.0).log_prob(x[1]) + model.rows[1].log()
    assert torch.allclose(rows.log_weight[seen], b - b.logsumexp(0), atol=1e-5)


def test_a_network_of_the_users_is_used() -> None:
    guide = ppgen.guides.MeanField(EvenMixture(), encoder=torch.nn.Sequential(torch.nn.Unflatten(0, (-1, 1))))
    assert guide.exact is None
    assert set(guide.heads) == {"c"}
    assert not ppgen.guides.MeanField(EvenMixture()).heads


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ppgen.errors.DeclarationError, match="the batch lacks 'x', which the guide conditions on"):
        ppgen.guides.MeanField(EvenMixture())({"c": torch.zeros(4, dtype=torch.long)})
