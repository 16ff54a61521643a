from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.errors import DeclarationError
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.models import GAN, VAE, ConditionalVAE, GatedPixelCNN
from tests.oracles.conjugate import BetaBernoulli, DirichletMultinomial, GammaPoisson, SharedMean, TwoLevels

FAMILIES = [MeanField, FullRank, Delta]


class Canvas(Model):
    """A latent image."""

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2, 4, 4]).to_event(3)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z.mean(1), 0.1).to_event(2)


class Words(Model):
    """A topic for a document, and a meaning for each of its words; the plate's size is the data's."""

    @latent
    def topic(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @latent(plate="words")
    def meaning(self, topic: Tensor) -> Any:
        return dist.Normal(topic.unsqueeze(-1).expand(*topic.shape, 2), 1.0).to_event(1)

    @observed(plate="words")
    def x(self, meaning: Tensor) -> Any:
        return dist.Normal(meaning.sum(-1), 0.5)


MODELS = [
    pytest.param(lambda: VAE((1, 8, 8)), {"x": (1, 8, 8)}, id="vae"),
    pytest.param(lambda: ConditionalVAE((1, 8, 8)), {"x": (1, 8, 8), "y": None}, id="covariate"),
    pytest.param(TwoLevels, {"x": (5,)}, id="several latents"),
    pytest.param(SharedMean, {"x": (2,)}, id="global latent"),
    pytest.param(GammaPoisson, {"x": (2,)}, id="positive"),
    pytest.param(BetaBernoulli, {"x": (8,)}, id="interval, scalar"),
    pytest.param(DirichletMultinomial, {"x": (3,)}, id="simplex"),
    pytest.param(Canvas, {"x": (4, 4)}, id="image-shaped latent"),
    pytest.param(Words, {"x": (7,)}, id="inner plate"),
]


def batch_of(shapes: dict[str, Any], rows: int) -> dict[str, Tensor]:
    return {
        key: torch.arange(rows) % 4 if shape is None else torch.bernoulli(torch.full((rows, *shape), 0.4))
        for key, shape in shapes.items()
    }


def derive(family: Any, model: Model, batch: dict[str, Tensor]) -> Any:
    if family is FullRank and model.plates:
        pytest.skip("FullRank names its way out: see test_full_rank")
    return family(model).setup(batch)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("make", "shapes"), MODELS)
def test_a_guide_is_derived_from_every_model(make: Any, shapes: dict[str, Any], family: Any) -> None:
    """Sites, shapes, supports and plates are the model's, for any number of rows and size of the data set."""
    model = make()
    guide = derive(family, model, batch_of(shapes, 4))
    assert list(guide.sites) == [name for name, site in model.sites.items() if site.role == "latent"]
    for rows, size in ((6, None), (1, None), (5, 500)):
        batch = batch_of(shapes, rows)
        ppgen.check(model, guide, batch)
        drawn = guide(batch, size)
        assert all(torch.isfinite(value).all() for value in drawn.values())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("make", "shapes"), MODELS)
def test_every_parameter_exists_before_the_first_draw(make: Any, shapes: dict[str, Any], family: Any) -> None:
    """An optimizer made after setup moves all of them, and each but a fixed point's unused one gets a gradient."""
    model, batch = make(), batch_of(shapes, 4)
    guide = derive(family, model, batch)
    names = [name for name, _ in guide.named_parameters()]
    assert names
    drawn = guide(batch)
    sum(value.square().sum() for value in drawn.values()).backward()
    assert [name for name, _ in guide.named_parameters()] == names
    # Drawn simplices of a Delta sum to 1, so that not every output counts; but none may be disconnected.
    assert all(p.grad is not None for p in guide.parameters())


def test_a_guide_waits_for_what_only_data_show() -> None:
    for model in (ConditionalVAE((1, 8, 8)), Words()):
        assert not MeanField(model).is_ready
    assert MeanField(VAE((1, 8, 8))).is_ready
    guide = MeanField(Words())
    assert guide({"x": torch.zeros(3, 7)})["meaning"].shape == (3, 7, 2)
    assert guide.is_ready


def test_the_same_seed_gives_the_same_guide() -> None:
    model = VAE((1, 8, 8))
    guides = []
    for seed in (0, 0, 1):
        pyro.set_rng_seed(seed)
        guides.append(torch.cat([p.flatten() for p in MeanField(model).parameters()]))
    assert torch.equal(guides[0], guides[1])
    assert not torch.equal(guides[0], guides[2])


def test_latents_given_in_the_batch_are_not_drawn() -> None:
    """A partly observed model: given z2, only z1 is drawn, and it reads what z2 is."""
    model = TwoLevels()
    for family in (MeanField, FullRank):
        guide = family(model)
        batch = {"x": torch.randn(3, 5), "z2": torch.randn(3, 2)}
        trace = pyro.poutine.trace(guide).get_trace(batch)
        assert [name for name in trace.nodes if name in model.sites] == ["z1"]
        ppgen.check(model, guide, batch)


class Count(Model):
    """z ~ Poisson."""

    @latent
    def z(self) -> Any:
        return dist.Poisson(torch.tensor(3.0))

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z.float(), 1.0)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Count(), "'z' of Count is Poisson"),
        (GatedPixelCNN((1, 4, 4), hidden=2, num_layers=1), "no latent variables"),
        (VAE, "the class VAE itself"),
        (lambda x: x, "function"),
    ],
)
def test_models_that_have_no_derived_guide(model: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        MeanField(model)


def test_an_implicit_model_has_a_guide_to_read_its_draws() -> None:
    """Its own draws are evidence too: such a guide is an encoder for a GAN, whoever may train it."""
    guide = MeanField(GAN((1, 8, 8), latent_dim=3))
    assert guide({"x": torch.rand(2, 1, 8, 8)})["z"].shape == (2, 3)
