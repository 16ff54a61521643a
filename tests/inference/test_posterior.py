"""Posterior means, modes and draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen.inference.posterior as module
from ppgen.declare import Guide, Model, latent, observed
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.inference.batch_trace import enumerate_discrete
from ppgen.inference.posterior import (
    draw_missing,
    draw_posterior,
    encode,
    mean_by_datum,
    most_probable,
    point_estimates,
    posterior_means,
    probabilities,
    to_arviz,
)
from ppgen.inference.predictive import draw_global
from tests.oracles.conjugate import GammaPoisson, SharedMean, TwoLevels


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the guide was run."""
    count = [0]
    original = module.trace_guide

    def counted(*args: Any) -> Any:
        count[0] += 1
        return original(*args)

    monkeypatch.setattr(module, "trace_guide", counted)
    return count


@pytest.mark.parametrize(
    ("model", "family", "expected"),
    [
        (GammaPoisson(), MeanField, 1),  # transformed: no closed mean, yet one distribution to draw from
        (TwoLevels(), MeanField, 2),  # the second run shows that means depend on no draw
        (TwoLevels(), Delta, 2),
        (TwoLevels(), FullRank, 32),  # the mean of z1 depends on the draw of z2
        (SharedMean(), FullRank, 2),
    ],
)
def test_no_more_runs_than_needed(model: Model, family: Any, expected: int, runs: list[int]) -> None:
    x = torch.ones(3, {"GammaPoisson": 2, "TwoLevels": 5, "SharedMean": 2}[type(model).__name__])
    with torch.no_grad():
        posterior_means(family(model), {"x": x})
    assert runs == [expected]


def test_closed_means_are_exact_and_twice_the_same() -> None:
    model, x = TwoLevels(), torch.randn(4, 5)
    guide = MeanField(model)
    with torch.no_grad():
        means = posterior_means(guide, {"x": x})
        for name in ("z2", "z1"):
            first, second = means[name]
            assert torch.equal(first, second)
            loc = guide.heads[name](guide.evidence({"x": x})).chunk(2, -1)[0]
            assert torch.equal(first, loc)


class Doubled(Guide):
    """z2 ~ LogNormal(log x, 1/2), of mean x exp(1/8);  z1 | z2 ~ Normal(2 z2, 1), of mean 2 x exp(1/8)."""

    @latent
    def z2(self, x: Tensor) -> Any:
        return dist.LogNormal(x.log(), 0.5)

    @latent
    def z1(self, z2: Tensor) -> Any:
        return dist.Normal(2 * z2, 1.0)


def test_dependent_means_are_averaged_over_what_they_depend_on() -> None:
    torch.manual_seed(0)
    x = torch.linspace(1.0, 3.0, 400)
    with torch.no_grad():
        means = posterior_means(Doubled(), {"x": x})
    expected = x * torch.tensor(0.125).exp()
    torch.testing.assert_close(means["z2"].mean(0), expected)  # LogNormal has a closed mean
    z1 = means["z1"].mean(0)
    assert (z1 / (2 * expected) - 1).abs().mean() < 0.12
    assert abs((z1 / (2 * expected)).mean() - 1) < 0.02


def test_the_halves_are_independent() -> None:
    """Their covariance over data is the variance of the true means; their own variances have noise in them."""
    torch.manual_seed(0)
    x = torch.linspace(0.99, 1.01, 4000)  # all but constant: whatever varies is noise
    with torch.no_grad():
        first, second = posterior_means(Doubled(), {"x": x})["z1"]
    noise = torch.stack([first, second]).var(1).mean()
    covariance = torch.cov(torch.stack([first, second]))[0, 1]
    assert noise > 0.05
    assert abs(covariance) < 0.1 * noise


def test_draws_stand_in_where_there_is_no_closed_mean() -> None:
    class Sigmoid(Guide):
        @latent
        def p(self, x: Tensor) -> Any:
            return dist.TransformedDistribution(dist.Normal(x, 1.0), [dist.transforms.SigmoidTransform()])

    torch.manual_seed(0)
    x = torch.zeros(200)
    means = posterior_means(Sigmoid(), {"x": x})["p"]
    assert means.shape == (2, 200)
    assert abs(means.mean() - 0.5) < 0.01
    assert means.std() < 0.2 / 12  # each from 256 draws, of standard deviation 0.21


FIRST = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
SECOND = torch.tensor([0.2, 0.4, 0.9])
NAMES = ["a", "b"]


class Known(Guide):
    """a | x ~ Categorical(FIRST[x]);  b | a ~ Bernoulli(SECOND[a]);  z | a, b ~ Normal(10 a + b, 1)."""

    @latent
    def a(self, x: Tensor):
        return dist.Categorical(FIRST[x.long()])

    @latent
    def b(self, a: Tensor):
        return dist.Bernoulli(SECOND[a])

    @latent
    def z(self, a: Tensor, b: Tensor):
        return dist.Normal(10.0 * a + b, 1.0)


X = torch.tensor([0.0, 1.0])


def test_probabilities_are_the_guides_and_one_where_a_value_is_observed():
    batch = {"x": X, "a": torch.tensor([-1, 1])}
    found = probabilities(Known(), batch, NAMES, enumerate_discrete(Known(), batch, NAMES))
    torch.testing.assert_close(found["a"], torch.stack([FIRST[0], torch.tensor([0.0, 1.0, 0.0])]))
    torch.testing.assert_close(found["b"], torch.stack([FIRST[0] @ SECOND, SECOND[1]]))


def test_means_average_over_what_was_summed_out():
    batch = {"x": X, "a": torch.tensor([-1, 2])}
    expected = torch.stack([FIRST[0] @ (10.0 * torch.arange(3) + SECOND), 20.0 + SECOND[2]])
    first, second = posterior_means(Known(), batch)["z"]
    torch.testing.assert_close(first, expected)
    assert torch.equal(first, second)
    enumerated = enumerate_discrete(Known(), batch, NAMES)
    torch.testing.assert_close(mean_by_datum(torch.ones(len(enumerated.datum), 2), enumerated), torch.ones(2, 2))


def test_the_most_probable_values_are_so_jointly():
    # At x = 0, (0, 0) has 0.5 * 0.8; at x = 1, (2, 1) has 0.7 * 0.9.
    found = most_probable(Known(), {"x": X}, NAMES)
    assert (found["a"].tolist(), found["b"].tolist()) == ([0, 2], [0.0, 1.0])
    given = most_probable(Known(), {"x": X, "a": torch.tensor([1, -1])}, NAMES)
    assert (given["a"].tolist(), given["b"].tolist()) == ([1, 2], [0.0, 1.0])


def test_draws_keep_what_is_observed_and_follow_it():
    rows = 4000
    batch = {"x": torch.zeros(rows), "a": torch.tensor([2, -1]).repeat(rows // 2)}
    drawn = draw_missing(Known(), batch, NAMES)
    assert (drawn["a"][::2] == 2).all()
    shares = drawn["a"][1::2].bincount(minlength=3) / (rows // 2)
    torch.testing.assert_close(shares, FIRST[0], atol=0.04, rtol=0)
    assert drawn["b"][::2].mean() == pytest.approx(0.9, abs=0.03)  # given the observed a
    assert drawn["b"][1::2].mean() == pytest.approx(float(FIRST[0] @ SECOND), abs=0.04)


class Joint(Model):
    """A model with the latents of Known."""

    @latent
    def a(self):
        return dist.Categorical(torch.ones(3))

    @latent
    def b(self):
        return dist.Bernoulli(0.5)

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0)

    @observed
    def x(self, a: Tensor, b: Tensor, z: Tensor):
        return dist.Normal(a + b + z, 1.0)


def test_codes_are_means_and_points_are_jointly_most_probable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_ROWS", 1)  # one row at a time
    codes = encode(Joint(), Known(), {"x": X}, seed=0)
    torch.testing.assert_close(codes["a"], FIRST)
    torch.testing.assert_close(codes["b"], FIRST @ SECOND)
    torch.testing.assert_close(codes["z"], FIRST @ (10.0 * torch.arange(3) + SECOND))
    points = point_estimates(Joint(), Known(), {"x": X}, seed=0)
    assert {name: value.tolist() for name, value in points.items()} == {"a": [0, 2], "b": [0, 1], "z": [0, 21]}


def test_posterior_draws_keep_observed_classes_and_stay_together():
    batch = {"x": torch.zeros(400), "a": torch.tensor([2, -1]).repeat(200)}
    drawn = draw_posterior(Joint(), Known(), batch, 10, seed=0)
    assert {name: tuple(value.shape) for name, value in drawn.items()} == dict.fromkeys(("a", "b", "z"), (10, 400))
    assert (drawn["a"][:, ::2] == 2).all()
    torch.testing.assert_close(drawn["a"][:, 1::2].flatten().bincount() / 2000, FIRST[0], atol=0.04, rtol=0)
    assert draw_posterior(Joint(), Known(), batch, 1, seed=0)["z"].shape == (1, 400)
    noise = drawn["z"] - 10.0 * drawn["a"] - drawn["b"]  # at the draws of a and b beside it
    assert noise.mean() == pytest.approx(0.0, abs=0.06)
    assert noise.std() == pytest.approx(1.0, abs=0.06)


class Words(Model):
    @latent
    def word(self):
        return dist.Categorical(torch.ones(5000))


def test_a_class_of_too_many_is_its_most_probable_one():
    class Word(Guide):
        @latent
        def word(self, x: Tensor):
            return dist.Categorical(logits=x)

    x = torch.randn(3, 5000)
    means = encode(Words(), Word(), {"x": x}, seed=0)
    assert torch.equal(means["word"], x.argmax(1))


def test_many_bits_have_their_mode_in_place_of_a_mean():
    class Code(Guide):
        @latent
        def z(self, x: Tensor):
            return dist.Bernoulli(x).to_event(1)

    x = torch.rand(3, 40)
    means = posterior_means(Code(), {"x": x})["z"]
    assert torch.equal(means, (x > 0.5).float().expand(2, 3, 40))


class Dropping(Guide):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    @latent(local=False)
    def mu(self, x: Tensor):
        return dist.Normal(self.drop(x).mean(0), 1.0).to_event(1)

    @latent
    def z(self, x: Tensor):
        return dist.Normal(self.drop(x), 1.0).to_event(1)


@pytest.mark.parametrize(
    "ask",
    [
        encode,
        point_estimates,
        draw_global,
        lambda model, guide, data, seed: draw_posterior(model, guide, data, 3, seed=seed),
    ],
    ids=["encode", "point_estimates", "draw_global", "draw_posterior"],
)
def test_nothing_drops_out_of_a_trained_guide(ask: Any):
    guide, x = Dropping(), torch.ones(6, 2)
    expected = ask(SharedMean(), guide.eval(), {"x": x}, seed=0)
    found = ask(SharedMean(), guide.train(), {"x": x}, seed=0)
    assert guide.drop.training
    assert expected
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_draws_keep_their_shapes_and_values() -> None:
    z, x = torch.randn(30, 4, 2), torch.randn(4, 3)
    made = to_arviz({"z": z, "mu": z[:, 0]}, {"x": x, "y": torch.arange(4)})
    np.testing.assert_array_equal(made.posterior["z"].values, z.numpy()[None])
    assert made.posterior["mu"].shape == (1, 30, 2)
    np.testing.assert_array_equal(made.observed_data["x"].values, x.numpy())
    assert made.observed_data["y"].dtype.kind == "i"
