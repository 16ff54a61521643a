"""Tiny models, guides and batches: what must pass, and what must be refused with this message."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import nn
from torch.distributions import AffineTransform, SigmoidTransform, StickBreakingTransform, biject_to, constraints

from ppgen.declare import Guide, Model, check, latent, observed
from ppgen.errors import DataError, DeclarationError
from ppgen.guides import MeanField
from ppgen.models import VAE, ConditionalVAE

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


class Tiny(Model):
    """A latent z with a given prior."""

    def __init__(self, prior: Any) -> None:
        super().__init__()
        self.prior = prior

    @latent
    def z(self):
        return self.prior()

    @observed
    def x(self, z):
        return dist.Normal(z.reshape(len(z), -1).sum(1, keepdim=True).expand(-1, 3), 1.0).to_event(1)


class TinyGuide(Guide):
    """A guide whose z has a given family, called with x."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        self.family = family

    @latent
    def z(self, x):
        return self.family(x)


class ViewsGuide(TinyGuide):
    plates = ("views",)


def vector(family: Any, *numbers: float) -> Any:
    """A family over three numbers, for each row of x."""
    return lambda x: family(*(torch.full((len(x), 3), number) for number in numbers)).to_event(1)


def to(constraint: Any) -> Any:
    """A normal moved to a support over three numbers by torch's bijection."""
    return lambda x: dist.TransformedDistribution(
        dist.Normal(torch.zeros(len(x), 3), 1.0).to_event(1), [biject_to(constraints.independent(constraint, 1))]
    )


def moved(dim: int, *transforms: Any) -> Any:
    return lambda x: dist.TransformedDistribution(dist.Normal(torch.zeros(len(x), dim), 1.0), list(transforms))


def prior(family: Any, *numbers: float) -> Any:
    return lambda: family(*(torch.full((3,), number) for number in numbers)).to_event(1)


def normal(*shape: int, event_dim: int = 1) -> Any:
    """Standard normal numbers of this shape, whether or not a batch is given."""
    return lambda *_: dist.Normal(torch.zeros(shape), 1.0).to_event(event_dim)


NORMAL = vector(dist.Normal, 0.0, 1.0)
GAMMA, BETA = prior(dist.Gamma, 2.0, 2.0), prior(dist.Beta, 1.0, 1.0)
UNIFORM = prior(dist.Uniform, -1.0, 3.0)
DIRICHLET = lambda: dist.Dirichlet(torch.ones(3))
FOUR = lambda: dist.Categorical(logits=torch.zeros(4))


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (normal(3), NORMAL),
        (normal(3), lambda x: dist.MultivariateNormal(torch.zeros(len(x), 3), torch.eye(3))),
        (normal(3), vector(dist.StudentT, 4.0, 0.0, 1.0)),
        (GAMMA, vector(dist.LogNormal, 0.0, 1.0)),
        (GAMMA, vector(dist.Weibull, 1.0, 1.0)),
        (GAMMA, to(constraints.positive)),
        (GAMMA, lambda x: dist.Delta(torch.ones(len(x), 3), event_dim=1)),
        (prior(dist.LogNormal, 0.0, 1.0), vector(dist.Gamma, 2.0, 2.0)),
        (prior(dist.HalfNormal, 1.0), vector(dist.LogNormal, 0.0, 1.0)),
        (prior(dist.HalfCauchy, 1.0), to(constraints.positive)),
        (BETA, vector(dist.Beta, 2.0, 2.0)),
        (BETA, vector(dist.Uniform, 0.0, 1.0)),
        (BETA, to(constraints.unit_interval)),
        (prior(dist.Uniform, 0.0, 1.0), vector(dist.Beta, 2.0, 2.0)),
        (UNIFORM, to(constraints.interval(-1.0, 3.0))),
        (UNIFORM, lambda x: moved(3, SigmoidTransform(), AffineTransform(-1.0, 4.0))(x).to_event(1)),
        (DIRICHLET, lambda x: dist.Dirichlet(torch.ones(len(x), 3) * 2)),
        (DIRICHLET, moved(2, StickBreakingTransform())),
        (prior(dist.Bernoulli, 0.5), vector(dist.Bernoulli, 0.3)),
        (prior(dist.Poisson, 2.0), vector(dist.Poisson, 1.0)),
        (FOUR, lambda x: dist.Categorical(logits=torch.zeros(len(x), 4))),
    ],
)
def test_guides_on_the_models_support_pass(p, q):
    check(Tiny(p), TinyGuide(q), {"x": X})


OTHER = "the guide's support is not the model's", "MeanField"


@pytest.mark.parametrize(
    ("p", "q", "words"),
    [
        (prior(dist.LogNormal, 0.0, 1.0), NORMAL, (*OTHER, "positive numbers, as LogNormal", "Normal over real")),
        (GAMMA, NORMAL, (*OTHER, "non-negative numbers, as Gamma", "Normal over real numbers")),
        (BETA, NORMAL, (*OTHER, "numbers in [0, 1], as Beta", "Normal over real numbers")),
        (DIRICHLET, NORMAL, (*OTHER, "points of the simplex")),
        (UNIFORM, vector(dist.Beta, 1.0, 1.0), (*OTHER, "numbers in [-1, 3]", "Beta over numbers in [0, 1]")),
        (normal(3), vector(dist.LogNormal, 0.0, 1.0), (*OTHER, "real numbers, as Normal", "LogNormal over")),
        (prior(dist.Pareto, 2.0, 1.0), vector(dist.LogNormal, 3.0, 0.1), (*OTHER, "numbers from 2 on", "positive")),
        (GAMMA, vector(dist.Beta, 1.0, 1.0), (*OTHER, "non-negative numbers", "numbers in [0, 1]")),
        (
            UNIFORM,
            lambda x: moved(3, AffineTransform(9.0, 0.1))(x).to_event(1),
            (*OTHER, "numbers in [-1, 3]", "TransformedDistribution over real numbers"),
        ),
        (GAMMA, lambda x: dist.Delta(-torch.ones(len(x), 3), event_dim=1), (*OTHER, "non-negative numbers", "Delta")),
        (prior(dist.Bernoulli, 0.5), vector(dist.Beta, 1.0, 1.0), (*OTHER, "0 or 1, as Bernoulli", "in [0, 1]")),
        (
            FOUR,
            lambda x: dist.Categorical(logits=torch.zeros(len(x), 3)),
            (*OTHER, "integers from 0 to 3", "integers from 0 to 2"),
        ),
        (normal(3), normal(5, 4), ("event shape is not", "[3]", "[4]")),
        (normal(3), normal(5, event_dim=0), ("event shape is not", "[3]", "event shape []")),
        (normal(3), normal(5, 3, event_dim=0), ("batch shape of the distribution", ".to_event(1)")),
        (normal(3), normal(5, 5, 3), ("batch shape of the distribution", "[5] (data)", "[5, 5]")),
        (normal(3), normal(1, 5, 3), ("draws another shape", "[1, 5, 3]")),
        (normal(3), normal(2, 3), ("batch shape of the distribution", "[2]")),
        (normal(3), lambda x: None, ("must return a distribution", "NoneType (did the method forget to return?)")),
        (normal(3), lambda x: x, ("must return a distribution", "Tensor")),
        (normal(3), lambda x: (x, x), ("must return a distribution", "tuple")),
    ],
)
def test_guides_of_another_support_or_shape_are_refused(refuses, p, q, words):
    with refuses(DeclarationError, "TinyGuide.z", *words):
        check(Tiny(p), TinyGuide(q), {"x": X})


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (normal(3, event_dim=0), ("batch shape [5] (data)", "batch shape [3]", ".to_event(1)")),
        (lambda: normal(5, 3, event_dim=2)().expand([4]), ("batch shape [4]",)),
        (normal(2, 5, event_dim=0), ("batch shape [2, 5]", ".to_event(1)")),
        (lambda: None, ("must return a distribution", "forget to return")),
        (lambda: torch.zeros(5), ("must return a distribution", "@ppgen.implicit")),
        (lambda: dist.ImproperUniform(dist.constraints.real, (5,), (3,)), ("has no integral", "ImproperUniform")),
        (lambda: dist.Normal(0.0, -1.0), ("raised ValueError: Expected parameter scale",)),
    ],
)
def test_priors_that_do_not_fit_their_plates_are_refused(refuses, p, words):
    with refuses(DeclarationError, "Tiny.z", *words):
        check(Tiny(p), None, {"x": X})


# Names, plates and methods --------------------------------------------------------------------------------------------


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


class More(Whole):
    @latent
    def c(self, x):
        return dist.Normal(x, 1.0)


class Renamed(Half):
    @latent
    def bee(self, x):
        return dist.Normal(x, 1.0)


class Backward(Guide):
    @latent
    def a(self, x, b):
        return dist.Normal(x + b, 1.0)


class Square(Model):
    """As many rows as numbers in a row, so that a forgotten event dimension is not seen by its size."""

    @observed
    def x(self):
        return dist.Normal(torch.zeros(5, 5), 1.0)


class Weights(Model):
    @latent(local=False)
    def w(self):
        return dist.Normal(torch.zeros(3), 1.0)


class Views(Model):
    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @observed(plate="views")
    def x(self, z):
        return dist.Normal(z.expand(*z.shape[:-2], 3, 1), 1.0).to_event(1)


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


LINE, COLUMNS = X[:, 0], X.unsqueeze(-1)
FLAT = lambda x: dist.Normal(x.mean(1), 1.0).to_event(1)


def test_a_guide_draws_every_latent_that_is_not_given():
    check(Chain(), Whole(), {"x": LINE})
    check(Chain(), Half(), {"x": LINE, "b": LINE})


@pytest.mark.parametrize(
    ("model", "guide", "x", "words"),
    [
        (Chain(), Half(), LINE, ("Half: the guide has no site for the latent variable 'b' of Chain", "def b(self")),
        (Chain(), More(), LINE, ("More: the guide draws 'c', which is no latent variable of Chain", "auxiliary")),
        (Chain(), Renamed(), LINE, ("no site for the latent variable 'b'", "rename 'bee' to 'b'")),
        (Chain(), Backward(), LINE, ("Backward.a: unknown parent 'b'", "known: x")),
        (Square(), None, torch.zeros(5, 5), ("Square.x: the batch shape", "[5, 5]", ".to_event(1)")),
        (Views(), TinyGuide(FLAT), COLUMNS, ("another shape", "[5, 1, 1], in the plates ['data']", '("words",)')),
        (Views(), ViewsGuide(FLAT), COLUMNS, ("ViewsGuide.z: the batch shape", "[5, 1]", "unsqueeze(1)")),
        (Narrow(), None, X, ("Narrow.x raised RuntimeError", "mat1 and mat2 shapes", "z: float32 [5, 2]")),
    ],
)
def test_programs_that_do_not_meet_are_refused(refuses, model, guide, x, words):
    with refuses(DeclarationError, *words):
        check(model, guide, {"x": x})


def test_a_global_site_has_no_batch_shape_and_no_rows(refuses):
    with refuses(DeclarationError, "Weights.w", "[] (a global site: no plate)", ".to_event(1)"):
        check(Weights())

    class Shared(Weights):
        @latent(local=False)
        def w(self):
            return dist.Normal(torch.zeros(3), 1.0).to_event(1)

    with refuses(DataError, "Shared.w: the data's shape", "w of shape [3]", "pyro.poutine.condition"):
        check(Shared(), None, {"w": torch.zeros(2, 3)})


# Data -----------------------------------------------------------------------------------------------------------------

SHAPE = (1, 8, 8)
BITS = torch.bernoulli(torch.full((6, *SHAPE), 0.5), generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 9, 3, 3, 1, 2])


def changed(value: float, *index: int) -> torch.Tensor:
    bits = BITS.clone()
    bits[index] = value
    return bits


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (BITS * 0.5, ("outside the support of Bernoulli", "0 or 1", "in [0, 0.5]", "no density on grey values")),
        (BITS * 255, ("outside the support of Bernoulli", "in [0, 255]", "(x / 255 > 0.5).float()")),
        ((BITS * 255).to(torch.uint8), ("outside the support of Bernoulli", "uint8", "scale and binarize")),
        (BITS * 2 - 1, ("outside the support of Bernoulli", "in [-1, 1]", "x > threshold")),
        (BITS.to(torch.uint8), ("dtype", "uint8 [6, 1, 8, 8] in [0, 1]", "x = x.to(torch.float32)")),
        (BITS.bool(), ("dtype", "bool [6, 1, 8, 8]", "x = x.to(torch.float32)")),
        (BITS.double(), ("MeanField", "dtype", "float64 [6, 1, 8, 8]", "x = x.to(torch.float32)")),
        (changed(float("nan"), 2, 0, 3, 4), ("x has 1 value(s) that are not finite", "[2, 0, 3, 4]", "nan")),
        (changed(float("inf"), 5, 0), ("x has 64 value(s) that are not finite", "[5, 0, 0, 0]")),
        (BITS.permute(0, 2, 3, 1), ("[batch, 1, 8, 8]", "[6, 8, 8, 1]", "x = x.permute(0, 3, 1, 2)")),
        (BITS[:, 0], ("[batch, 1, 8, 8]", "[6, 8, 8]", "x = x.unsqueeze(1)")),
        (BITS.flatten(1), ("[batch, 1, 8, 8]", "[6, 64]", "x = x.reshape(-1, 1, 8, 8)")),
        (BITS[..., :7], ("[batch, 1, 8, 8]", "[6, 1, 8, 7]", "x_shape=...")),
        (BITS.unsqueeze(1), ("[batch, 1, 8, 8]", "[6, 1, 1, 8, 8]", "x = x.reshape(-1, 1, 8, 8)")),
        (BITS[:0], ("the data set is empty", "x of shape [0, 1, 8, 8]")),
        (BITS.numpy(), ("x: a batch holds tensors", "ndarray", "torch.as_tensor(x)")),
        (BITS.tolist(), ("x: a batch holds tensors", "list")),
        (torch.tensor(1.0), ("x: a batch holds tensors", "without dims")),
    ],
)
def test_images_that_a_model_cannot_have_drawn_are_refused(refuses, x: Any, words: tuple[str, ...]):
    model = VAE(x_shape=SHAPE)
    with refuses(DataError, *words):
        check(model, MeanField(model), {"x": x})


class Embedded(Model):
    """A label through an embedding of ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 64)

    @observed
    def x(self, y):
        return dist.Bernoulli(logits=self.table(y).reshape(-1, *SHAPE)).to_event(3)


class Indexed(Embedded):
    """A label as an index."""

    def x(self, y):
        return dist.Bernoulli(logits=torch.zeros(10, *SHAPE)[y]).to_event(3)


@pytest.mark.parametrize("make", [Embedded, Indexed, lambda: ConditionalVAE(x_shape=SHAPE)])
def test_labels_out_of_range_or_between_classes_are_refused(refuses, make):
    model = make()
    site = f"{type(model).__name__}.x"
    for wrong in (10, -11) if isinstance(model, Indexed) else (10, -11, -1):
        with refuses(DataError, site, "out of range", str(wrong)):
            check(model, None, {"x": BITS, "y": torch.cat([LABELS[:-1], torch.tensor([wrong])])})
    with refuses(DataError, site, "whole numbers", "int64", ".long()"):
        check(model, None, {"x": BITS, "y": LABELS.float()})


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        (BITS, DataError, ("a batch is a dictionary", "Tensor", '{"x": x}')),
        ({"x": BITS, "y": LABELS[:5]}, DataError, ("y: its number of rows is not that of x", "6 rows", "5 rows")),
        ({"x": BITS}, DeclarationError, ("ConditionalVAE.x: unknown parent 'y'", '"y": ...')),
        (
            {"X": BITS, "y": LABELS},
            DataError,
            ("ConditionalVAE.x: the data do not contain this observed site", "keys ['X', 'y']", 'data={"x": tensor'),
        ),
    ],
)
def test_batches_without_what_the_model_reads_are_refused(refuses, batch, error, words):
    with refuses(error, *words):
        check(ConditionalVAE(x_shape=SHAPE), None, batch)


class Counts(Model):
    """Other supports, and a latent that may be given."""

    @latent
    def rate(self):
        return dist.Gamma(2.0, 1.0)

    @observed
    def n(self, rate):
        return dist.Poisson(rate)

    @observed
    def share(self, rate):
        return dist.Beta(rate, 1.0)


@pytest.mark.parametrize(
    ("site", "value", "words"),
    [
        ("n", 1.5, ("integers from 0 on", "Poisson")),
        ("n", -1.0, ("integers from 0 on", "in [-1, 1]")),
        ("share", 1.25, ("numbers in [0, 1]", "Beta")),
        ("rate", -0.5, ("non-negative numbers", "Gamma")),
    ],
)
def test_values_outside_other_supports_are_refused(refuses, site, value, words):
    batch = {"n": torch.ones(4), "share": torch.full((4,), 0.5), "rate": torch.ones(4)}
    check(Counts(), None, batch)
    batch[site][2] = value
    with refuses(DataError, f"Counts.{site}: {site} has values outside the support", "first at [2]", *words):
        check(Counts(), None, batch)
