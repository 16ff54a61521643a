"""Tiny pairs: what must pass, and what must be refused with this message."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch.distributions import AffineTransform, SigmoidTransform, StickBreakingTransform, biject_to, constraints

from ppgen.declare import Guide, Model, check, latent, observed
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
        (prior(dist.Normal, 0.0, 1.0), vector(dist.StudentT, 4.0, 0.0, 1.0)),
        (GAMMA, vector(dist.LogNormal, 0.0, 1.0)),
        (GAMMA, vector(dist.Weibull, 1.0, 1.0)),
        (GAMMA, to(constraints.positive)),
        (prior(dist.LogNormal, 0.0, 1.0), vector(dist.Gamma, 2.0, 2.0)),
        (prior(dist.HalfNormal, 1.0), vector(dist.LogNormal, 0.0, 1.0)),
        (prior(dist.HalfCauchy, 1.0), to(constraints.positive)),
        (BETA, vector(dist.Beta, 2.0, 2.0)),
        (BETA, vector(dist.Uniform, 0.0, 1.0)),
        (BETA, to(constraints.unit_interval)),
        (prior(dist.Uniform, 0.0, 1.0), vector(dist.Beta, 2.0, 2.0)),
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
        (BETA, NORMAL, ("numbers in [0, 1], as Beta", "Normal over real numbers")),
        (DIRICHLET, NORMAL, ("points of the simplex",)),
        (UNIFORM, vector(dist.Beta, 1.0, 1.0), ("numbers in [-1, 3]", "Beta over numbers in [0, 1]")),
        (prior(dist.Normal, 0.0, 1.0), vector(dist.LogNormal, 0.0, 1.0), ("real numbers, as Normal", "LogNormal over")),
        (prior(dist.Pareto, 2.0, 1.0), vector(dist.LogNormal, 3.0, 0.1), ("numbers from 2 on", "positive numbers")),
        (GAMMA, vector(dist.Beta, 1.0, 1.0), ("non-negative numbers", "numbers in [0, 1]")),
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
