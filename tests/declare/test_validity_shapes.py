"""Tiny pairs whose shapes do not fit: each is refused with this message."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import nn

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
        (lambda x: None, ("must return a distribution", "NoneType (did the method forget to return?)")),
        (lambda x: x, ("must return a distribution", "Tensor")),
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
        (lambda: dist.Normal(torch.zeros(5, 3), 1.0).to_event(2).expand([4]), ("batch shape [4]",)),
        (lambda: dist.Normal(torch.zeros(2, 5), 1.0), ("batch shape [2, 5]", ".to_event(1)")),
        (lambda: None, ("must return a distribution", "forget to return")),
        (lambda: torch.zeros(5), ("must return a distribution", "@ppgen.implicit")),
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
