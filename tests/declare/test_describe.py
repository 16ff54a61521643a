from __future__ import annotations

import builtins
from typing import ClassVar

import pyro.distributions as dist
import pytest
import torch
from torch import nn

from ppgen.declare import Model, implicit, latent, observed
from ppgen.errors import SettingError
from ppgen.models import GAN, VAE, ConditionalVAE, PixelCNN


class Everything(Model):
    sizes: ClassVar = {"words": 4}

    @observed(plate="words")
    def x(self, topic, share):
        return dist.Normal(topic, share).expand([len(topic), 4])

    @latent
    def topic(self, share):
        return dist.Normal(share, 1.0)

    @latent(local=False)
    def share(self):
        return dist.Beta(1.0, 1.0)

    @implicit
    def picture(self, topic):
        return topic.unsqueeze(-1).expand(*topic.shape, 3)


def test_a_model_reads_as_its_joint():
    assert str(VAE(x_shape=(1, 8, 8), latent_dim=16)) == (
        "VAE: p(z) p(x | z)\n"
        "  z ~ Normal         event [16]       latent\n"
        "  x ~ Bernoulli | z  event [1, 8, 8]  observed"
    )


def test_roles_plates_and_shapes_stand_in_columns():
    assert str(Everything()) == (
        "Everything: p(share) p(topic | share) p(x | topic, share) p(picture | topic)\n"
        "  share ~ Beta                          event []   latent, global\n"
        "  topic ~ Normal | share                event []   latent\n"
        "  x ~ Normal | topic, share             event []   observed, plate words\n"
        "  picture ~ a generated tensor | topic  event [3]  implicit"
    )


def test_what_depends_on_covariates_is_left_open():
    assert str(ConditionalVAE(x_shape=(1, 8, 8), latent_dim=2)) == (
        "ConditionalVAE: p(z) p(x | z, y)\n  z ~ Normal    event [2]  latent\n  x ~ ? | z, y             observed"
    )


def test_other_families_of_the_zoo():
    assert str(PixelCNN(x_shape=(1, 8, 8))) == ("PixelCNN: p(x)\n  x ~ Autoregressive  event [1, 8, 8]  observed")
    assert "x ~ a generated tensor | z  event [1, 8, 8]  implicit" in str(GAN(x_shape=(1, 8, 8)))


def test_a_model_that_cannot_run_is_described_as_far_as_it_comes():
    class Broken(Model):
        @latent
        def z(self):
            return dist.Normal(0.0, 1.0)

        @observed
        def x(self, z):
            return self.decoder(z)

    assert str(Broken()) == "Broken: p(z) p(x | z)\n  z ~ Normal  event []  latent\n  x ~ ? | z             observed"


def test_a_model_without_sites():
    class Nothing(Model):
        pass

    assert str(Nothing()) == "Nothing: "


def test_a_description_changes_nothing():
    class Normed(VAE):
        def __init__(self) -> None:
            super().__init__(x_shape=(1, 8, 8))
            self.norm = nn.BatchNorm1d(16)

        def x(self, z):
            return super().x(self.norm(z))

    model = Normed()
    before, state = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    str(model)
    model.graph()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_graph_has_every_site_and_edge():
    source = Everything().graph().source
    assert "x [label=x fillcolor=gray" in source
    assert "topic [label=topic fillcolor=white" in source
    assert "picture" in source
    for edge in ("share -> topic", "share -> x", "topic -> x"):
        assert edge in source
    assert "words" in source


def test_the_graph_of_a_model_with_covariates_needs_them():
    source = ConditionalVAE(x_shape=(1, 8, 8)).graph({"y": torch.tensor([1, 2])}).source
    assert "z -> x" in source


def test_without_graphviz_the_error_says_what_to_install(refuses, monkeypatch: pytest.MonkeyPatch):
    whole = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "graphviz":
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingError, match="pip install graphviz"):
        Everything().graph()
