"""Declared models: what they draw, and how they describe themselves."""

from __future__ import annotations

import builtins
from typing import ClassVar

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import nn

from ppgen.declare import Model, implicit, latent, observed
from ppgen.errors import DataError, DeclarationError, SettingError
from ppgen.models import VAE, ConditionalVAE


class Regression(Model):
    """y_i | x_i ~ Normal(slope * x_i + shift_i, 1), where the shift need not be in the data."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(2.0))

    @observed
    def y(self, x, shift=None):
        return dist.Normal(self.slope * x + (0.0 if shift is None else shift), 1.0)


class SemiSupervised(Model):
    """y_i ~ Categorical(1/3);  z_i ~ Normal(0, 1);  x_i | z_i, y_i ~ Normal(z_i + y_i, 1)."""

    @latent
    def y(self):
        return dist.Categorical(logits=torch.zeros(3))

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0)

    @observed
    def x(self, z, y):
        return dist.Normal(z + y, 1.0)


class Generator(Model):
    """z ~ Normal(0, I);  x = net(z)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 12)

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @implicit
    def x(self, z):
        return self.net(z).reshape(-1, 3, 4)


class Measured(Generator):
    """The same with a likelihood around the generated image."""

    def observation(self, value):
        return dist.Normal(value, 0.1).to_event(2)


def random_sites(trace):
    return {n: s for n, s in trace.nodes.items() if s["type"] == "sample" and n != "data"}


# Parents and covariates -----------------------------------------------------------------------------------------------


def test_argument_names_are_parents_and_covariates_come_from_the_batch():
    x, y = torch.randn(5), torch.randn(5)
    trace = pyro.poutine.trace(Regression()).get_trace({"x": x, "y": y})
    assert torch.equal(trace.nodes["y"]["fn"].mean, 2.0 * x)
    assert "x" not in trace.nodes


def test_an_optional_covariate_may_be_absent():
    x = torch.randn(5)
    plain = pyro.poutine.trace(Regression()).get_trace({"x": x}).nodes["y"]["fn"].mean
    moved = pyro.poutine.trace(Regression()).get_trace({"x": x, "shift": torch.ones(5)}).nodes["y"]["fn"].mean
    assert torch.equal(moved, plain + 1.0)


def test_a_covariate_that_is_absent_is_named(refuses):
    with refuses(DeclarationError, "Regression.y: unknown parent 'x'", '"x": ...'):
        Regression()(size=3)


def test_the_nearest_name_is_suggested(refuses):
    class Typo(Model):
        @latent
        def topic(self):
            return dist.Normal(0.0, 1.0)

        @observed
        def x(self, topik):
            return dist.Normal(topik, 1.0)

    with refuses(DeclarationError, "Typo.x: unknown parent 'topik'", "rename the argument to 'topic'"):
        Typo()({"x": torch.zeros(3)})


# What is observed -----------------------------------------------------------------------------------------------------


def test_a_site_is_observed_where_the_batch_has_it():
    x, y = torch.randn(4), torch.tensor([0, 1, 2, 0])
    unlabelled = random_sites(pyro.poutine.trace(SemiSupervised()).get_trace({"x": x}))
    labelled = random_sites(pyro.poutine.trace(SemiSupervised()).get_trace({"x": x, "y": y}))
    assert {name: site["is_observed"] for name, site in unlabelled.items()} == {"y": False, "z": False, "x": True}
    assert {name: site["is_observed"] for name, site in labelled.items()} == {"y": True, "z": False, "x": True}
    assert torch.equal(labelled["y"]["value"], y)


def test_without_data_everything_is_drawn():
    drawn = SemiSupervised()(size=7)
    assert {name: value.shape for name, value in drawn.items()} == {"y": (7,), "z": (7,), "x": (7,)}
    assert SemiSupervised()()["x"].shape == (1,)


def test_covariates_alone_give_draws_from_the_conditional():
    torch.manual_seed(0)
    y = torch.tensor([0, 2]).repeat(4000)
    x = SemiSupervised()({"y": y})["x"]
    assert abs(x[y == 2].mean() - 2.0) < 0.1  # Normal(y, 2) has a standard error of 0.022 here
    assert abs(x[y == 0].var() - 2.0) < 0.2


# Implicit sites -------------------------------------------------------------------------------------------------------


def test_an_implicit_site_is_a_deterministic_value_without_density():
    model = Generator()
    trace = pyro.poutine.trace(model).get_trace(None, 5)
    trace.compute_log_prob()
    node = trace.nodes["x"]
    assert model.is_implicit
    assert node["infer"]["_deterministic"]
    assert node["fn"].event_shape == (3, 4)
    assert node["log_prob"].sum() == 0.0
    assert torch.equal(node["value"], model.net(trace.nodes["z"]["value"]).reshape(5, 3, 4))


def test_the_data_do_not_replace_what_is_generated():
    x = torch.zeros(5, 3, 4)
    assert not torch.equal(Generator()({"x": x})["x"], x)


def test_an_observation_makes_it_a_model_with_density():
    model, x, z = Measured(), torch.randn(5, 3, 4), torch.randn(5, 2)
    trace = pyro.poutine.trace(model).get_trace({"x": x, "z": z}, 10)
    trace.compute_log_prob()
    assert not model.is_implicit
    expected = dist.Normal(model.net(z).reshape(5, 3, 4), 0.1).log_prob(x).sum((1, 2))
    assert torch.allclose(trace.nodes["x"]["log_prob"], 2.0 * expected)


def test_an_implicit_site_returns_a_tensor(refuses):
    class Wrong(Generator):
        def x(self, z):
            return dist.Normal(z, 1.0).to_event(1)

    with refuses(DeclarationError, "Wrong.x: an implicit site generates a tensor", "Independent", "@ppgen.observed"):
        Wrong()(size=3)


def test_an_implicit_site_keeps_the_rows(refuses):
    class Wrong(Generator):
        def x(self, z):
            return self.net(z).reshape(-1, 4)

    with refuses(DeclarationError, "Wrong.x: the generated tensor has not one row", "[5, ...]", "[15, 4]"):
        Wrong()(size=5)


def test_real_images_have_the_shape_of_generated_ones(refuses):
    with refuses(DataError, "Generator.x: the data's shape", "[batch, 3, 4]", "[5, 4, 3]"):
        Generator()({"x": torch.zeros(5, 4, 3)})


# A look at the model --------------------------------------------------------------------------------------------------


def test_a_prior_run_is_a_trace_of_all_sites():
    nodes = Measured().prior_run(size=3).nodes
    assert nodes["x"]["value"].shape == (3, 3, 4)
    assert not nodes["x"]["value"].requires_grad
    assert Regression().prior_run({"x": torch.zeros(4)}).nodes["y"]["value"].shape == (4,)


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


def test_a_model_that_cannot_run_is_described_as_far_as_it_comes():
    class Broken(Model):
        @latent
        def z(self):
            return dist.Normal(0.0, 1.0)

        @observed
        def x(self, z):
            return self.decoder(z)

    assert str(Broken()) == "Broken: p(z) p(x | z)\n  z ~ Normal  event []  latent\n  x ~ ? | z             observed"


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
