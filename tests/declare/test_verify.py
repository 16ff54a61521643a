"""Data that a model cannot have generated: each mistake is refused with this message."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import nn

from ppgen.declare import Model, check, latent, observed
from ppgen.errors import DataError
from ppgen.guides import MeanField
from ppgen.models import VAE, ConditionalVAE

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
        (changed(float("nan"), 2, 0, 3, 4), ("x has 1 value(s) that are not finite", "[2, 0, 3, 4]", "nan")),
        (changed(float("inf"), 5, 0), ("x has 64 value(s) that are not finite", "[5, 0, 0, 0]")),
        (BITS.permute(0, 2, 3, 1), ("[batch, 1, 8, 8]", "[6, 8, 8, 1]", "x = x.permute(0, 3, 1, 2)")),
        (BITS[:, 0], ("[batch, 1, 8, 8]", "[6, 8, 8]", "x = x.unsqueeze(1)")),
        (BITS.flatten(1), ("[batch, 1, 8, 8]", "[6, 64]", "x = x.reshape(-1, 1, 8, 8)")),
        (BITS[..., :7], ("[batch, 1, 8, 8]", "[6, 1, 8, 7]", "x_shape=...")),
        (BITS.unsqueeze(1), ("[batch, 1, 8, 8]", "[6, 1, 1, 8, 8]", "x = x.reshape(-1, 1, 8, 8)")),
        (BITS[:0], ("the data set is empty", "x of shape [0, 1, 8, 8]")),
    ],
)
def test_images(refuses, x: Any, words: tuple[str, ...]):
    model = VAE(x_shape=SHAPE)
    with refuses(DataError, *words):
        check(model, MeanField(model), {"x": x})


def test_images_of_another_float_type(refuses):
    model = VAE(x_shape=SHAPE)
    with refuses(DataError, "MeanField", "dtype", "float64 [6, 1, 8, 8]", "x = x.to(torch.float32)"):
        check(model, MeanField(model), {"x": BITS.double()})


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


@pytest.mark.parametrize("model", [Embedded(), Indexed(), ConditionalVAE(x_shape=SHAPE)])
@pytest.mark.parametrize("wrong", [10, -11])
def test_labels_out_of_range(refuses, model, wrong):
    labels = torch.cat([LABELS[:-1], torch.tensor([wrong])])
    with refuses(DataError, f"{type(model).__name__}.x", "out of range", str(wrong)):
        check(model, None, {"x": BITS, "y": labels})


@pytest.mark.parametrize("model", [Embedded(), Indexed(), ConditionalVAE(x_shape=SHAPE)])
def test_labels_are_whole_numbers(refuses, model):
    with refuses(DataError, f"{type(model).__name__}.x", "whole numbers", "int64", ".long()"):
        check(model, None, {"x": BITS, "y": LABELS.float()})


def test_a_missing_observed_site(refuses):
    with refuses(DataError, "VAE.x: the data do not contain this observed site", "keys ['X']", 'data={"x": tensor}'):
        check(VAE(x_shape=SHAPE), None, {"X": BITS})


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
def test_other_supports(refuses, site, value, words):
    batch = {"n": torch.ones(4), "share": torch.full((4,), 0.5), "rate": torch.ones(4)}
    check(Counts(), None, batch)
    batch[site][2] = value
    with refuses(DataError, f"Counts.{site}: {site} has values outside the support", "first at [2]", *words):
        check(Counts(), None, batch)


def test_a_global_value_is_no_part_of_a_batch(refuses):
    class Shared(Model):
        @latent(local=False)
        def w(self):
            return dist.Normal(0.0, 1.0).expand([3]).to_event(1)

    with refuses(DataError, "Shared.w: the data's shape", "w of shape [3]", "pyro.poutine.condition"):
        check(Shared(), None, {"w": torch.zeros(2, 3)})
