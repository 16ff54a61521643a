"""Plates inside the data plate."""

from __future__ import annotations

from typing import Any, ClassVar

import pyro
import pyro.distributions as dist
import torch

from ppgen.declare import Guide, Model, latent, observed
from ppgen.declare.declared import inner_plates
from ppgen.declare.site import Site
from ppgen.errors import DeclarationError


class Words(Model):
    """A document z has words; a word has a topic t and an embedding x of three numbers."""

    sizes: ClassVar = {"words": 4}

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @latent(plate="words")
    def t(self, z):
        return dist.Normal(z.sum(-1), 1.0)

    @observed(plate="words")
    def x(self, t):
        return dist.Normal(t.unsqueeze(-1).expand(*t.shape, 3), 1.0).to_event(1)

    @observed
    def y(self, z):
        return dist.Normal(z, 1.0).to_event(1)


def traced(model: Any, *args: Any) -> Any:
    trace = pyro.poutine.trace(model).get_trace(*args)
    trace.compute_log_prob()
    return trace


def test_a_further_plate_is_nested_to_the_right_of_the_data():
    nodes = traced(Words(), None, 5).nodes
    assert {f.name: (f.dim, f.size) for f in nodes["x"]["cond_indep_stack"]} == {"data": (-2, 5), "words": (-1, 4)}
    assert nodes["z"]["value"].shape == (5, 1, 2)
    assert nodes["t"]["value"].shape == (5, 4)
    assert nodes["x"]["value"].shape == (5, 4, 3)


def test_an_observed_site_shows_the_length_of_its_plate():
    nodes = traced(Words(), {"x": torch.zeros(5, 7, 3)}).nodes
    assert nodes["t"]["value"].shape == (5, 7)


def test_observed_values_are_aligned_with_the_plates_they_are_not_in():
    y, z = torch.randn(5, 2), torch.randn(5, 2)
    nodes = traced(Words(), {"x": torch.zeros(5, 4, 3), "y": y, "z": z}).nodes
    assert nodes["y"]["value"].shape == (5, 1, 2)
    assert torch.equal(nodes["y"]["log_prob"][:, 0], dist.Normal(z, 1.0).log_prob(y).sum(-1))


def test_values_that_the_model_drew_can_be_given_back():
    model = Words()
    drawn = model(size=5)
    nodes = traced(model, drawn).nodes
    for name, value in drawn.items():
        assert nodes[name]["is_observed"]
        assert torch.equal(nodes[name]["value"], value)


def test_plates_may_be_nested_and_their_order_is_declared():
    class Books(Model):
        plates = ("chapters", "words")

        @observed(plate="words")
        def length(self):
            return dist.Normal(torch.zeros(6), 1.0)

        @observed(plate=("chapters", "words"))
        def x(self, length):
            return dist.Normal(length, 1.0).expand([len(length), 3, 6])

    assert Books.inner == ("chapters", "words")
    drawn = Books()(size=2)
    assert drawn["length"].shape == (2, 1, 6)
    assert drawn["x"].shape == (2, 3, 6)
    given = traced(Books(), {"length": torch.zeros(2, 6), "x": torch.zeros(2, 3, 6)}).nodes
    assert given["length"]["value"].shape == (2, 1, 6)


def test_a_guide_sees_a_plates_length_in_its_own_distribution():
    class Encoder(Guide):
        @latent(plate="words")
        def t(self, x):
            return dist.Normal(x.sum(-1), 1.0)

    assert Encoder()({"x": torch.zeros(5, 7, 3)})["t"].shape == (5, 7)


def test_a_guide_names_a_plate_that_none_of_its_sites_is_in():
    class Encoder(Guide):
        plates = "words"

        @latent
        def z(self, x):
            return dist.Normal(x.mean(1, keepdim=True), 1.0).to_event(1)

    assert Encoder.inner == ("words",)
    assert Encoder()({"x": torch.zeros(5, 7, 2)})["z"].shape == (5, 1, 2)


def test_the_length_of_a_plate_must_be_known(refuses):
    class Unknown(Model):
        @latent(plate="words")
        def t(self):
            return dist.Normal(0.0, 1.0)

    with refuses(DeclarationError, "Unknown.t: the size of plate 'words' is not known", 'self.sizes = {"words": 40}'):
        Unknown()()
    model = Unknown()
    model.sizes = {"words": 3}
    assert model()["t"].shape == (1, 3)


def test_plates_have_one_order(refuses):
    sites = [Site("a", "latent", (), plates=("p", "q")), Site("b", "latent", (), plates=("q", "p"))]
    assert inner_plates(sites[:1]) == ("p", "q")
    with refuses(DeclarationError, "Any.b", "plates = ('p', 'q')"):
        inner_plates(sites, owner="Any")
