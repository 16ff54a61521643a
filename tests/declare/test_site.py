from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pyro.distributions as dist
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgen.declare import Guide, Model, implicit, latent, observed
from ppgen.declare.site import Site, order
from ppgen.errors import DeclarationError


def normal(self: Any) -> Any:
    return dist.Normal(0.0, 1.0)


class Chain(Model):
    @observed
    def x(self, z):
        return dist.Normal(z, 1.0)

    @latent
    def z(self, w, y):
        return dist.Normal(w + y, 1.0)

    @latent(local=False)
    def w(self):
        return dist.Normal(0.0, 1.0)


# The graph ------------------------------------------------------------------------------------------------------------


def test_sites_are_what_the_methods_say():
    assert list(Chain.sites) == ["w", "z", "x"]
    assert Chain.sites["w"] == Site("w", "latent", (), local=False)
    assert Chain.sites["z"] == Site("z", "latent", ("w", "y"))
    assert Chain.sites["x"] == Site("x", "observed", ("z",))


def test_decorators_work_with_and_without_arguments():
    class Both(Model):
        @latent()
        def a(self):
            return dist.Normal(0.0, 1.0)

        @observed(plate=("words", "letters"))
        def b(self, a):
            return dist.Normal(a, 1.0)

        @implicit(plate="words")
        def c(self, a):
            return a

    assert Both.sites["a"] == Site("a", "latent", ())
    assert Both.sites["b"].plates == ("words", "letters")
    assert Both.sites["c"] == Site("c", "implicit", ("a",), plates=("words",))


def test_a_default_makes_a_parent_optional():
    class Optional(Model):
        @latent
        def z(self, y=None, *, mask=1.0):
            return dist.Normal(0.0, mask)

    assert Optional.sites["z"].parents == ("y", "mask")
    assert Optional.sites["z"].optional == {"y", "mask"}


@given(data=st.data(), size=st.integers(1, 8))
def test_any_acyclic_graph_is_ordered_parents_first_and_otherwise_as_declared(data, size):
    names = data.draw(st.permutations([f"s{i}" for i in range(size)]))
    # An edge may only go from an earlier to a later name of a hidden order, so that there is no cycle.
    hidden = {name: rank for rank, name in enumerate(data.draw(st.permutations(names)))}
    parents = {n: tuple(p for p in names if hidden[p] < hidden[n] and data.draw(st.booleans())) for n in names}
    sites = {name: Site(name, "latent", parents[name]) for name in names}
    done = list(order(sites, "Any"))
    assert sorted(done) == sorted(names)
    for name in names:
        assert all(done.index(parent) < done.index(name) for parent in parents[name])
    if not any(parents.values()):
        assert done == list(names)


@given(size=st.integers(2, 6), data=st.data())
def test_any_circle_is_refused_and_spelled_out(size, data):
    names = [f"s{i}" for i in range(size)]
    sites = {name: Site(name, "latent", (names[i - 1],)) for i, name in enumerate(names)}
    sites |= {"free": Site("free", "latent", (data.draw(st.sampled_from(names)),))}
    with pytest.raises(DeclarationError) as caught:
        order(sites, "Ring")
    walked = str(caught.value.got).split(" -> ")
    assert walked[0] == walked[-1]
    assert sorted(walked[1:]) == sorted(names)


# Inheritance ----------------------------------------------------------------------------------------------------------


def test_an_override_without_decorator_stays_a_site_and_may_have_other_parents():
    class Flat(Chain):
        def z(self, w):
            return dist.Normal(w, 2.0)

    assert Flat.sites["z"] == Site("z", "latent", ("w",))
    assert Chain.sites["z"].parents == ("w", "y")


def test_a_subclass_adds_sites_and_may_change_a_role():
    class Longer(Chain):
        @observed
        def y(self, w):
            return dist.Normal(w, 1.0)

        @observed
        def z(self, w, y):
            return dist.Normal(w + y, 1.0)

    assert {name: site.role for name, site in Longer.sites.items()} == {"w": "latent"} | dict.fromkeys(
        "yzx", "observed"
    )
    assert list(Longer.sites) == ["w", "y", "z", "x"]


def test_mixins_and_abstract_sites():
    class GaussianPrior:
        @latent
        def z(self):
            return dist.Normal(0.0, 1.0)

    class Likelihood(Model, ABC):
        @observed
        @abstractmethod
        def x(self, z): ...

    class Whole(GaussianPrior, Likelihood):
        def x(self, z):
            return dist.Normal(z, 1.0)

    with pytest.raises(TypeError, match="abstract"):
        Likelihood()
    assert list(Whole.sites) == ["z", "x"]
    assert set(Whole()(size=3)) == {"z", "x"}


# Mistakes -------------------------------------------------------------------------------------------------------------


def declare(base: type = Model, **methods: Any) -> type:
    return type("Wrong", (base,), methods)


def test_a_site_is_not_its_own_parent(refuses):
    with refuses(DeclarationError, "Wrong.z: a site cannot be its own parent", "def z(self, z)"):
        declare(z=latent(lambda self, z: dist.Normal(z, 1.0)))


def test_a_circle(refuses):
    with refuses(DeclarationError, "Wrong: the sites depend on each other in a circle", "a -> b -> a"):
        declare(a=latent(lambda self, b: dist.Normal(b, 1.0)), b=latent(lambda self, a: dist.Normal(a, 1.0)))


@pytest.mark.parametrize("signature", ["*parents", "**parents", "parent, /"])
def test_hidden_parents(refuses, signature):
    scope: dict[str, Any] = {}
    exec(f"def z(self, {signature}): ...", scope)
    with refuses(DeclarationError, "Wrong.z: parents are read from argument names", f"(self, {signature})"):
        declare(z=latent(scope["z"]))


def test_a_forgotten_self(refuses):
    with refuses(DeclarationError, "Wrong.z: the method has no argument self", "def z(self)"):
        declare(z=latent(lambda: dist.Normal(0.0, 1.0)))


TAKEN = ["forward", "train", "eval", "to", "parameters", "training", "data", "graph", "prior_run", "is_implicit"]
TAKEN += ["sites", "covariates", "is_declared", "plates", "sizes", "constructor_arguments", "observation", "run_sites"]


@pytest.mark.parametrize("name", [*TAKEN, "_z", "__z__"])
def test_names_that_are_taken(refuses, name):
    with refuses(DeclarationError, f"Wrong.{name}: a site cannot have this name", f"{name.strip('_')}_site"):
        declare(**{name: latent(normal)})


def test_a_name_that_only_models_take_is_free_in_guides():
    assert "graph" in declare(Guide, graph=latent(normal)).sites


def test_a_global_site_does_not_depend_on_a_local_one(refuses):
    with refuses(DeclarationError, "Wrong.w: a global site cannot depend on a local one", "parent 'z'"):
        declare(z=latent(normal), w=latent(local=False)(lambda self, z: dist.Normal(z, 1.0)))


def test_a_global_site_has_no_local_plate(refuses):
    with refuses(DeclarationError, "a global site cannot stand in a local plate"):
        latent(local=False, plate="words")


@pytest.mark.parametrize("plate", ["data", ("words", "data"), ("words", "words")])
def test_plates_need_names_of_their_own(refuses, plate):
    with refuses(DeclarationError, "further plates need names of their own"):
        latent(plate=plate)


@pytest.mark.parametrize("thing", [3, staticmethod(normal), property(normal), "z"])
def test_only_methods_are_marked(refuses, thing):
    with refuses(DeclarationError, "@ppgen.latent marks a method"):
        latent(thing)


def test_a_site_is_not_overridden_by_something_else(refuses):
    with refuses(DeclarationError, "Wrong.z: a site is overridden by something that is no method", "None"):
        declare(Chain, z=None)


@pytest.mark.parametrize("mark", [observed, implicit])
def test_a_guide_declares_latents_only(refuses, mark):
    with refuses(DeclarationError, "Wrong.x: a guide declares latent variables only", f"@ppgen.{mark.__name__}"):
        declare(Guide, x=mark(normal))
