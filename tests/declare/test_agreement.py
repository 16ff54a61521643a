"""Tiny pairs: what agrees must pass, and what does not must be refused with this message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from torch import nn
from torch.distributions import AffineTransform, SigmoidTransform, StickBreakingTransform, biject_to, constraints

from ppgen.declare import Guide, Model, Program, check, implicit, latent, observed
from ppgen.errors import DeclarationError

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def model(prior: Any) -> Model:
    """A model whose latent z has this prior, called without arguments."""

    class Tiny(Model):
        @latent
        def z(self):
            return prior()

        @observed
        def x(self, z):
            return dist.Normal(z.reshape(len(z), -1).sum(1, keepdim=True).expand(-1, 3), 1.0).to_event(1)

    return Tiny()


def guide(family: Any) -> Guide:
    """A guide whose z has this distribution, called with x."""

    class TinyGuide(Guide):
        @latent
        def z(self, x):
            return family(x)

    return TinyGuide()


def vector(family: Any, *numbers: float) -> Any:
    """A family over three numbers, for each row of x."""
    return lambda x: family(*(torch.full((len(x), 3), number) for number in numbers)).to_event(1)


def to(constraint: Any) -> Any:
    """A normal moved to a support over three numbers by torch's bijection."""
    return lambda x: dist.TransformedDistribution(
        dist.Normal(torch.zeros(len(x), 3), 1.0).to_event(1), [biject_to(constraints.independent(constraint, 1))]
    )


def prior(family: Any, *numbers: float) -> Any:
    return lambda: family(*(torch.full((3,), number) for number in numbers)).to_event(1)


NORMAL = vector(dist.Normal, 0.0, 1.0)
GAMMA, BETA = prior(dist.Gamma, 2.0, 2.0), prior(dist.Beta, 1.0, 1.0)
UNIFORM = prior(dist.Uniform, -1.0, 3.0)
DIRICHLET = lambda: dist.Dirichlet(torch.ones(3))

# Supports -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (prior(dist.Normal, 0.0, 1.0), NORMAL),
        (prior(dist.Normal, 0.0, 1.0), lambda x: dist.MultivariateNormal(torch.zeros(len(x), 3), torch.eye(3))),
        (GAMMA, vector(dist.LogNormal, 0.0, 1.0)),
        (GAMMA, to(constraints.positive)),
        (BETA, vector(dist.Beta, 2.0, 2.0)),
        (BETA, vector(dist.Uniform, 0.0, 1.0)),
        (UNIFORM, to(constraints.interval(-1.0, 3.0))),
        (
            UNIFORM,
            lambda x: dist.TransformedDistribution(
                dist.Normal(torch.zeros(len(x), 3), 1.0), [SigmoidTransform(), AffineTransform(-1.0, 4.0)]
            ).to_event(1),
        ),
        (DIRICHLET, lambda x: dist.Dirichlet(torch.ones(len(x), 3) * 2)),
        (
            DIRICHLET,
            lambda x: dist.TransformedDistribution(
                dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(1), [StickBreakingTransform()]
            ),
        ),
        (GAMMA, lambda x: dist.Delta(torch.ones(len(x), 3), event_dim=1)),
        (prior(dist.Bernoulli, 0.5), vector(dist.Bernoulli, 0.3)),
        (prior(dist.Poisson, 2.0), vector(dist.Poisson, 1.0)),
        (lambda: dist.Categorical(logits=torch.zeros(4)), lambda x: dist.Categorical(logits=torch.zeros(len(x), 4))),
    ],
)
def test_guides_on_the_models_support_pass(p, q):
    check(model(p), guide(q), {"x": X})


@pytest.mark.parametrize(
    ("p", "q", "words"),
    [
        (prior(dist.LogNormal, 0.0, 1.0), NORMAL, ("positive numbers, as LogNormal", "Normal over real numbers")),
        (GAMMA, NORMAL, ("non-negative numbers, as Gamma", "Normal over real numbers")),
        (DIRICHLET, NORMAL, ("points of the simplex",)),
        (UNIFORM, vector(dist.Beta, 1.0, 1.0), ("numbers in [-1, 3]", "Beta over numbers in [0, 1]")),
        (prior(dist.Normal, 0.0, 1.0), vector(dist.LogNormal, 0.0, 1.0), ("real numbers, as Normal", "LogNormal over")),
        (prior(dist.Pareto, 2.0, 1.0), vector(dist.LogNormal, 3.0, 0.1), ("numbers from 2 on", "positive numbers")),
        (
            UNIFORM,
            lambda x: dist.TransformedDistribution(dist.Normal(X, 1.0), [AffineTransform(9.0, 0.1)]).to_event(1),
            ("numbers in [-1, 3]", "TransformedDistribution over real numbers"),
        ),
        (GAMMA, lambda x: dist.Delta(-torch.ones(len(x), 3), event_dim=1), ("non-negative numbers", "Delta")),
        (prior(dist.Bernoulli, 0.5), vector(dist.Beta, 1.0, 1.0), ("0 or 1, as Bernoulli", "numbers in [0, 1]")),
        (
            lambda: dist.Categorical(logits=torch.zeros(4)),
            lambda x: dist.Categorical(logits=torch.zeros(len(x), 3)),
            ("integers from 0 to 3", "integers from 0 to 2"),
        ),
    ],
)
def test_guides_on_another_support_are_refused(refuses, p, q, words):
    with refuses(DeclarationError, "TinyGuide.z: the guide's support is not the model's", "MeanField", *words):
        check(model(p), guide(q), {"x": X})


# Names ----------------------------------------------------------------------------------------------------------------


class Chain(Model):
    @latent
    def a(self):
        return dist.Normal(0.0, 1.0)

    @latent
    def b(self, a):
        return dist.Normal(a, 1.0)

    @observed
    def x(self, b):
        return dist.Normal(b, 1.0)


class Half(Guide):
    @latent
    def a(self, x):
        return dist.Normal(x, 1.0)


class Whole(Half):
    @latent
    def b(self, x, a):
        return dist.Normal(x + a, 1.0)


def test_a_guide_draws_every_latent_and_no_other(refuses):
    x = torch.randn(4)
    check(Chain(), Whole(), {"x": x})
    check(Chain(), Half(), {"x": x, "b": x})
    with refuses(DeclarationError, "Half: the guide has no site for the latent variable 'b' of Chain", "def b(self"):
        check(Chain(), Half(), {"x": x})

    class More(Whole):
        @latent
        def c(self, x):
            return dist.Normal(x, 1.0)

    with refuses(DeclarationError, "More: the guide draws 'c', which is no latent variable of Chain", "auxiliary"):
        check(Chain(), More(), {"x": x})


def test_a_latent_under_another_name(refuses):
    class Renamed(Half):
        @latent
        def bee(self, x):
            return dist.Normal(x, 1.0)

    with refuses(DeclarationError, "no site for the latent variable 'b'", "rename 'bee' to 'b'"):
        check(Chain(), Renamed(), {"x": torch.randn(4)})


def test_a_guide_that_needs_a_latent_which_it_does_not_draw(refuses):
    class Backward(Guide):
        @latent
        def a(self, x, b):
            return dist.Normal(x + b, 1.0)

    with refuses(DeclarationError, "Backward.a: unknown parent 'b'", "known: x"):
        check(Chain(), Backward(), {"x": torch.randn(4)})


# Shapes ---------------------------------------------------------------------------------------------------------------


def normal():
    return dist.Normal(torch.zeros(3), 1.0).to_event(1)


@pytest.mark.parametrize(
    ("q", "words"),
    [
        (lambda x: dist.Normal(torch.zeros(len(x), 4), 1.0).to_event(1), ("event shape is not", "[3]", "[4]")),
        (lambda x: dist.Normal(torch.zeros(len(x)), 1.0), ("event shape is not", "[3]", "event shape []")),
        (lambda x: dist.Normal(torch.zeros(len(x), 3), 1.0), ("batch shape of the distribution", ".to_event(1)")),
        (
            lambda x: dist.Normal(torch.zeros(len(x), len(x), 3), 1.0).to_event(1),
            ("batch shape of the distribution", "[5] (data)", "[5, 5]"),
        ),
        (lambda x: dist.Normal(torch.zeros(1, len(x), 3), 1.0).to_event(1), ("draws another shape", "[1, 5, 3]")),
        (lambda x: dist.Normal(torch.zeros(2, 3), 1.0).to_event(1), ("batch shape of the distribution", "[2]")),
        (lambda x: (x, x), ("must return a distribution", "tuple")),
    ],
)
def test_a_guides_draws_have_the_models_shape(refuses, q, words):
    with refuses(DeclarationError, "TinyGuide.z", *words):
        check(model(normal), guide(q), {"x": X})


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (lambda: dist.Normal(torch.zeros(3), 1.0), ("batch shape [5] (data)", "batch shape [3]", ".to_event(1)")),
        (lambda: dist.Normal(torch.zeros(2, 5), 1.0), ("batch shape [2, 5]", ".to_event(1)")),
        (lambda: None, ("must return a distribution", "forget to return", "@ppgen.implicit")),
    ],
)
def test_a_models_distributions_fit_their_plates(refuses, p, words):
    with refuses(DeclarationError, "Tiny.z", *words):
        check(model(p), None, {"x": X})


def test_a_forgotten_event_is_seen_even_if_its_size_is_that_of_the_batch(refuses):
    class Square(Model):
        @observed
        def x(self):
            return dist.Normal(torch.zeros(5, 5), 1.0)

    with refuses(DeclarationError, "Square.x: the batch shape", "[5, 5]", ".to_event(1)"):
        check(Square(), None, {"x": torch.zeros(5, 5)})


def test_a_global_site_has_no_batch_shape(refuses):
    class Weights(Model):
        @latent(local=False)
        def w(self):
            return dist.Normal(torch.zeros(3), 1.0)

    with refuses(DeclarationError, "Weights.w", "[] (a global site: no plate)", ".to_event(1)"):
        check(Weights())


class Views(Model):
    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @observed(plate="views")
    def x(self, z):
        return dist.Normal(z.expand(*z.shape[:-2], 3, 1), 1.0).to_event(1)


def test_a_guide_stands_in_the_models_plates(refuses):
    flat = guide(lambda x: dist.Normal(x.mean(1), 1.0).to_event(1))
    with refuses(DeclarationError, "another shape", "[5, 1, 1], in the plates ['data']", 'plates = ("words",)'):
        check(Views(), flat, {"x": X.unsqueeze(-1)})


def test_a_local_site_beside_a_plate_needs_a_dim_for_it(refuses):
    class Flat(Guide):
        plates = ("views",)

        @latent
        def z(self, x):
            return dist.Normal(x.mean(1), 1.0).to_event(1)

    with refuses(DeclarationError, "Flat.z: the batch shape", "[5, 1]", "loc.unsqueeze(1)"):
        check(Views(), Flat(), {"x": X.unsqueeze(-1)})


# Methods and modules --------------------------------------------------------------------------------------------------


def test_a_method_that_fails_is_named_with_its_inputs(refuses):
    class Narrow(Model):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(7, 3)

        @latent
        def z(self):
            return dist.Normal(torch.zeros(2), 1.0).to_event(1)

        @observed
        def x(self, z):
            return dist.Normal(self.net(z), 1.0).to_event(1)

    with refuses(DeclarationError, "Narrow.x raised RuntimeError", "mat1 and mat2 shapes", "z: float32 [5, 2]"):
        check(Narrow(), None, {"x": X})


def test_a_bad_parameter_is_named_with_its_site(refuses):
    with refuses(DeclarationError, "Tiny.z raised ValueError: Expected parameter scale"):
        check(model(lambda: dist.Normal(0.0, -1.0)), None, {"x": X})


# Scales ---------------------------------------------------------------------------------------------------------------


ROW = torch.randn(6, generator=torch.Generator().manual_seed(0))


def local(x, size):
    with pyro.plate("data", size, subsample_size=len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def follow(x, size):
    with pyro.plate("data", size, subsample_size=len(x)):
        pyro.sample("z", dist.Normal(x, 1.0))


def test_a_guide_with_parameters_per_data_point(refuses):
    def remembering(x, size):
        loc = pyro.param("loc", torch.zeros(len(x)))
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(loc, 1.0))

    with refuses(DeclarationError, "remembering (plates: data of 12) raised", "nothing in it may have an entry"):
        check(Program(local, remembering), batch={"x": ROW})
    with refuses(DeclarationError, "AutoNormal: the plate 'data' does not follow the rows", "AutoNormal over local"):
        check(Program(local, AutoNormal(local)), batch={"x": ROW})


def test_model_and_guide_scale_alike(refuses):
    def plain(x):
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x, 1.0))

    with refuses(DeclarationError, "plain.z: model and guide scale this site differently", "scale 2.4", "scale 1"):
        check(Program(local, plain), batch={"x": ROW})

    check(Program(local, follow), batch={"x": ROW})
    tempered = pyro.poutine.scale(local, scale=0.5)
    with refuses(DeclarationError, "follow.z: model and guide scale", "scale 0.5", "ppgen.ELBO(beta=...)"):
        check(Program(tempered, follow), batch={"x": ROW})
    check(Program(tempered, pyro.poutine.scale(follow, scale=0.5)), batch={"x": ROW})


def test_a_scale_may_be_a_tensor(refuses):
    weights = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0, 1.0])

    def weighted(x, size, weight):
        with pyro.poutine.scale(scale=weight):
            local(x, size)

    def weighted_guide(x, size, weight):
        with pyro.poutine.scale(scale=weight):
            follow(x, size)

    batch = {"x": ROW, "weight": weights}
    check(Program(weighted, weighted_guide), batch=batch)
    with refuses(DeclarationError, "follow.z: model and guide scale", "[1.0, 2.0"):
        check(Program(weighted, follow), batch=batch)


# Registered parameters ------------------------------------------------------------------------------------------------


outside = nn.Linear(3, 3)


class Layered(Model):
    def __init__(self, layers: object) -> None:
        super().__init__()
        self.layers = layers

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([3]).to_event(1)

    @observed
    def x(self, z):
        for layer in self.layers:
            z = layer(z)
        return dist.Normal(z, 1.0).to_event(1)


def test_networks_in_a_plain_list_would_never_be_trained(refuses):
    layers = [nn.Linear(3, 3), nn.Linear(3, 3)]
    check(Layered(nn.ModuleList(layers)), None, {"x": X})
    with refuses(DeclarationError, "Layered.x: a trainable tensor takes part that is no parameter", "nn.ModuleList"):
        check(Layered(layers), None, {"x": X})
    for layer in layers:
        layer.requires_grad_(False)
    check(Layered(layers), None, {"x": X})


def test_the_generator_of_an_implicit_model_is_looked_at_too(refuses):
    class Sampler(Model):
        @latent
        def z(self):
            return dist.Normal(0.0, 1.0).expand([3]).to_event(1)

        @implicit
        def x(self, z):
            return outside(z)

    with refuses(DeclarationError, "Sampler.x: a trainable tensor takes part", "[3, 3]"):
        check(Sampler(), None, {"x": X})


def test_guides_too_and_they_may_share_the_models_networks(refuses):
    class Sharing(Guide):
        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            object.__setattr__(self, "layer", layer)

        @latent
        def z(self, x):
            return dist.Normal(self.layer(x), 1.0).to_event(1)

    model = Layered(nn.ModuleList([nn.Linear(3, 3)]))
    check(model, Sharing(model.layers[0]), {"x": X})
    with refuses(DeclarationError, "Sharing.z: a trainable tensor takes part"):
        check(model, Sharing(outside), {"x": X})


def test_what_a_program_hides_too_deep_is_an_error_and_not_silence(refuses):
    hidden = SimpleNamespace(net=outside)

    def model(x):
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(hidden.net(x), 1.0).to_event(1), obs=x)

    with refuses(DeclarationError, "model.x: a trainable tensor takes part", "requires_grad=True"):
        check(Program(model), batch={"x": X})

    def showing(x):
        pyro.module("net", hidden.net)
        model(x)

    check(Program(showing), batch={"x": X})


def test_a_bare_tensor_that_wants_a_gradient(refuses):
    class Bare(Model):
        def __init__(self) -> None:
            super().__init__()
            self.loc = torch.zeros(3, requires_grad=True)

        @observed
        def x(self):
            return dist.Normal(self.loc, 1.0).to_event(1)

    with refuses(DeclarationError, "Bare.x", "a tensor an nn.Parameter"):
        check(Bare(), None, {"x": X})
