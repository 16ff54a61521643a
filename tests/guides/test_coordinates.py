from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions.transforms import OrderedTransform

from ppgen.declare import Site
from ppgen.declare.supports import CIRCLE, is_circular, support_of
from ppgen.errors import DeclarationError
from ppgen.guides.coordinates import Latent


def latent_of(fn: Any, local: bool = True, rows: int = 4) -> Latent:
    """The latent variable z ~ fn, as a run on a few rows shows it."""

    def model() -> None:
        if local:
            with pyro.plate("data", rows):
                pyro.sample("z", fn)
        else:
            pyro.sample("z", fn)

    node = pyro.poutine.trace(model).get_trace().nodes["z"]
    return Latent.of(Site("z", "latent", (), local=local), node, "latent variable 'z'")


SUPPORTS = [
    pytest.param(dist.Normal(torch.zeros(3), 1.0).to_event(1), (3,), True, id="Normal"),
    pytest.param(dist.MultivariateNormal(torch.zeros(3), torch.eye(3)), (3,), True, id="MultivariateNormal"),
    pytest.param(dist.Normal(0.0, 1.0).expand([2, 4, 4]).to_event(3), (2, 4, 4), True, id="image"),
    pytest.param(dist.Normal(0.0, 1.0), (), True, id="scalar"),
    pytest.param(dist.Gamma(torch.ones(2), 1.0).to_event(1), (2,), False, id="Gamma"),
    pytest.param(dist.LogNormal(torch.zeros(2), 1.0).to_event(1), (2,), False, id="LogNormal"),
    pytest.param(dist.HalfNormal(torch.ones(2)).to_event(1), (2,), False, id="HalfNormal"),
    pytest.param(dist.Beta(torch.ones(2), 1.0).to_event(1), (2,), False, id="Beta"),
    pytest.param(dist.Uniform(-1.0, 3.0), (), False, id="Uniform"),
    pytest.param(dist.Uniform(torch.tensor([0.0, 5.0]), torch.tensor([1.0, 9.0])).to_event(1), (2,), False, id="box"),
    pytest.param(dist.Uniform(torch.zeros(4), torch.ones(4)), (), False, id="Uniform, one bound a row"),
    pytest.param(dist.Dirichlet(torch.ones(4)), (3,), False, id="Dirichlet"),
    pytest.param(dist.LKJCholesky(3, 1.0), (3,), False, id="LKJCholesky"),
    pytest.param(dist.VonMises(0.0, 1.0), (), False, id="VonMises, cut open"),
    pytest.param(dist.VonMises(torch.zeros(2), 1.0).to_event(1), (2,), False, id="torus"),
    pytest.param(
        dist.TransformedDistribution(dist.Normal(torch.zeros(3), 1.0).to_event(1), [OrderedTransform()]),
        (3,),
        False,
        id="ordered",
    ),
    pytest.param(
        dist.MixtureSameFamily(dist.Categorical(torch.ones(2)), dist.Normal(torch.tensor([-1.0, 1.0]), 0.5)),
        (),
        True,
        id="mixture of Normals",
    ),
]


@pytest.mark.parametrize(("fn", "unconstrained_shape", "is_real"), SUPPORTS)
@pytest.mark.parametrize("batch", [(), (7,), (2, 5)])
def test_free_coordinates_reach_the_support(
    fn: Any, unconstrained_shape: Any, is_real: bool, batch: tuple[int, ...]
) -> None:
    """For any number of rows, whatever number of them the support was read from."""
    latent = latent_of(fn)
    assert latent.unconstrained_shape == unconstrained_shape
    assert latent.is_real is is_real
    assert latent.num_free == torch.Size(unconstrained_shape).numel()
    u = torch.randn((*batch, *unconstrained_shape))
    value = latent.to_support(u)
    assert value.shape == (*batch, *fn.event_shape)
    support = CIRCLE if is_circular(fn) else support_of(fn)
    rows = value if fn.batch_shape != (4,) else value.reshape(-1)[:1].expand(4)
    assert bool(support.check(rows).all())
    torch.testing.assert_close(latent.to_support.inv(value), u, rtol=1e-3, atol=1e-3)


def test_a_distribution_is_moved_along() -> None:
    """The density picks up the Jacobian: Normal, exponentiated, is LogNormal."""
    latent = latent_of(dist.Gamma(torch.ones(2), 1.0).to_event(1))
    moved = latent.constrain(dist.Normal(torch.tensor([0.3, -1.0]), 0.5).to_event(1))
    x = torch.tensor([1.2, 0.4])
    expected = dist.LogNormal(torch.tensor([0.3, -1.0]), 0.5).log_prob(x).sum()
    torch.testing.assert_close(moved.log_prob(x), expected)
    same = dist.Normal(0.0, 1.0)
    assert latent_of(dist.Normal(0.0, 1.0)).constrain(same) is same


def test_sizes_of_inner_plates() -> None:
    def model() -> None:
        with pyro.plate("data", 4, dim=-3), pyro.plate("words", 5, dim=-1):
            pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))

    node = pyro.poutine.trace(model).get_trace().nodes["z"]
    latent = Latent.of(Site("z", "latent", (), plates=("words",)), node, "z")
    assert latent.plate_shape == (1, 5)
    assert latent_of(dist.Normal(0.0, 1.0), local=False).plate_shape == ()


@pytest.mark.parametrize(
    ("fn", "word"),
    [
        (dist.Poisson(2.0), "Poisson"),
        (dist.Geometric(0.5), "Geometric"),
        (dist.ProjectedNormal(torch.ones(3)), "bijection"),
        (dist.Uniform(torch.zeros(4), torch.arange(4) + 1.0), "differs between data points"),
        (dist.Binomial(3, 0.5), "Categorical over its values"),
        (dist.Categorical(torch.ones(3)).expand([2]).to_event(1), "a site for each of the values"),
        (dist.OneHotCategorical(torch.ones(3)).expand([2]).to_event(1), "a site for each of the values"),
        (dist.Normal(torch.zeros(2), 1.0).mask(torch.tensor([True, False])).to_event(1), "mask last"),
        (
            dist.MixtureSameFamily(dist.Categorical(torch.ones(2)), dist.Uniform(torch.zeros(2), torch.arange(2) + 1)),
            "bijection|differs between data points",  # the latter on torch 2.6
        ),
        (dist.MixtureSameFamily(dist.Categorical(torch.ones(2)), dist.Poisson(torch.ones(2))), "no end|bijection"),
    ],
)
def test_what_has_no_free_coordinates_is_named(fn: Any, word: str) -> None:
    with pytest.raises(DeclarationError, match=f"(?s)'z'.*{word}"):
        latent_of(fn)


def test_a_discrete_latent_that_cannot_be_enumerated_says_what_to_do() -> None:
    def model() -> None:
        with pyro.plate("data", 4, dim=-2), pyro.plate("words", 5, dim=-1):
            pyro.sample("z", dist.Categorical(torch.ones(3)))

    node = pyro.poutine.trace(model).get_trace().nodes["z"]
    with pytest.raises(DeclarationError, match=r"(?s)'z'.*plate 'words'.*MixtureSameFamily"):
        Latent.of(Site("z", "latent", (), plates=("words",)), node, "latent variable 'z'")
    with pytest.raises(DeclarationError, match=r"(?s)'z'.*local=False.*mixture distribution"):
        latent_of(dist.Categorical(torch.ones(3)), local=False)


@pytest.mark.parametrize(
    ("fn", "family", "value", "features"),
    [
        (dist.Categorical(torch.ones(3)), "Categorical", torch.tensor([0, 2]), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        (dist.OneHotCategorical(torch.ones(2)), "OneHotCategorical", torch.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
        (dist.Bernoulli(0.5), "Bernoulli", torch.tensor([1.0, 0.0]), [[1.0], [0.0]]),
    ],
)
def test_a_discrete_latent_is_read_as_classes(fn: Any, family: str, value: Any, features: list[list[float]]) -> None:
    """Its free coordinates are logits, and a distribution is made of them again."""
    latent = latent_of(fn)
    assert latent.is_discrete
    assert latent.family == family
    assert latent.features(value).tolist() == features
    logits = torch.randn(2, latent.num_free)
    made = latent.discrete(logits)
    assert made.batch_shape == (2,)
    assert made.event_shape == fn.event_shape
