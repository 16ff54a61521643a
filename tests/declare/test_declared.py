from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any, ClassVar

import pyro
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ppgen.context import validation
from ppgen.declare import Guide, Model, latent, observed
from ppgen.declare.declared import inner_plates
from ppgen.declare.site import Site
from ppgen.errors import DataError, DeclarationError


class Hierarchy(Model):
    """w ~ Normal(0, 2) for all data;  z_i ~ Normal(w, 1);  x_i ~ Normal(z_i, 0.5)."""

    @latent(local=False)
    def w(self):
        return dist.Normal(0.0, 2.0)

    @latent
    def z(self, w):
        return dist.Normal(w, 1.0)

    @observed
    def x(self, z):
        return dist.Normal(z, 0.5)


def traced(model: Any, *args: Any) -> Any:
    trace = pyro.poutine.trace(model).get_trace(*args)
    trace.compute_log_prob()
    return trace


# The data plate -------------------------------------------------------------------------------------------------------


def test_local_sites_stand_in_the_data_plate_and_global_ones_do_not():
    nodes = traced(Hierarchy(), {"x": torch.zeros(3)}, 12).nodes
    assert [frame.name for frame in nodes["z"]["cond_indep_stack"]] == ["data"]
    assert nodes["w"]["cond_indep_stack"] == ()
    assert nodes["w"]["scale"] == 1.0
    assert nodes["z"]["scale"] == nodes["x"]["scale"] == 4.0
    assert nodes["z"]["value"].shape == (3,)
    assert nodes["w"]["value"].shape == ()


def test_minibatches_give_the_full_log_joint_on_average():
    x, z, w = torch.randn(4), torch.randn(4), torch.tensor(0.7)
    model = pyro.poutine.condition(Hierarchy(), {"w": w})
    full = traced(model, {"x": x, "z": z}).log_prob_sum().double()
    by_hand = dist.Normal(0.0, 2.0).log_prob(w) + sum(
        dist.Normal(w, 1.0).log_prob(z[i]) + dist.Normal(z[i], 0.5).log_prob(x[i]) for i in range(4)
    )
    assert torch.isclose(full, by_hand.double())
    batches = [list(rows) for rows in itertools.combinations(range(4), 2)]
    parts = [traced(model, {"x": x[rows], "z": z[rows]}, 4).log_prob_sum().double() for rows in batches]
    assert torch.isclose(torch.stack(parts).mean(), full, rtol=1e-6)


@given(rows=st.integers(1, 4), plates=st.lists(st.integers(1, 3), max_size=3), event=st.lists(st.integers(1, 3)))
def test_any_shapes_of_plates_and_event_are_traced_as_declared(rows, plates, event):
    event = event[:3]
    names = tuple(f"plate{i}" for i in range(len(plates)))

    class Any_(Model):
        sizes: ClassVar = dict(zip(names, plates, strict=True))

        @latent
        def z(self):
            return dist.Normal(0.0, 1.0).expand(event).to_event(len(event))

        @observed(plate=names)
        def x(self, z):
            return dist.Normal(z, 1.0).to_event(len(event))

    model = Any_()
    drawn = model(size=rows)
    assert drawn["z"].shape == (rows, *(1 for _ in plates), *event)
    assert drawn["x"].shape == (rows, *plates, *event)
    nodes = traced(model, {"x": torch.zeros(rows, *plates, *event)}, 2 * rows).nodes
    assert nodes["x"]["log_prob"].shape == (rows, *plates)
    assert nodes["x"]["scale"] == 2.0


# The object -----------------------------------------------------------------------------------------------------------


class Settings(Model):
    def __init__(self, width: int, depth: int = 2, *, scale: float = 1.0, **others: Any) -> None:
        super().__init__()
        self.net = nn.Linear(width, depth)


def test_constructor_arguments_are_kept_by_name():
    made = Settings(3, scale=2.0, colour="red")
    assert made.constructor_arguments == {"width": 3, "scale": 2.0, "colour": "red"}
    assert type(made)(**made.constructor_arguments).constructor_arguments == made.constructor_arguments
    assert Hierarchy().constructor_arguments == {}


def test_surplus_positional_arguments_have_no_names_to_keep():
    class Layers(Model):
        def __init__(self, *widths: int) -> None:
            super().__init__()

    assert not hasattr(Layers(3, 4), "constructor_arguments")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_whole_and_apart(copied):
    model = Settings(3, scale=2.0)
    twin = copied(model)
    assert twin.constructor_arguments == model.constructor_arguments
    for mine, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine, other)
        assert mine is not other


def test_an_attribute_does_not_hide_a_site(refuses):
    model = Hierarchy()
    with refuses(DeclarationError, "Hierarchy.z: an attribute would hide the site", "self.z = Linear", "self.z_net"):
        model.z = nn.Linear(1, 1)


def test_priors_land_on_the_models_device():
    class Net(Hierarchy):
        def __init__(self) -> None:
            super().__init__()
            self.slope = nn.Parameter(torch.ones(()))

    with validation(False):  # which would read values, and the meta device has none
        drawn = Net().to("meta")(size=3)
        given = Hierarchy()({"x": torch.zeros(3, device="meta")})
    assert {value.device.type for value in [*drawn.values(), *given.values()]} == {"meta"}
    assert torch.zeros(1).device.type == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_priors_land_on_the_gpu():
    drawn = Hierarchy()({"x": torch.zeros(5, device="cuda")}, 10)
    assert {value.device.type for value in drawn.values()} == {"cuda"}


# Batches --------------------------------------------------------------------------------------------------------------


def test_a_batch_is_no_larger_than_its_data_set(refuses):
    with refuses(DataError, "5 rows, size 3", "size=len(data set)"):
        Hierarchy()({"x": torch.zeros(5)}, 3)


def test_particles_of_pyros_own_pass():
    with pyro.plate("particles", 6, dim=-2):
        drawn = Hierarchy()({"x": torch.zeros(3)})
    assert drawn["z"].shape == (6, 3)


# Plates inside the data plate -----------------------------------------------------------------------------------------


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

    assert Books.plates == ("chapters", "words")
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

    assert Encoder.plates == ("words",)
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
