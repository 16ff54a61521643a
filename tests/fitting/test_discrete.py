from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.declare import Guide, latent
from ppgen.fitting.discrete import draw_missing, mean_by_datum, most_probable, probabilities
from ppgen.fitting.means import posterior_means
from ppgen.objectives.enumeration import enumerate_discrete

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
    expanded = enumerate_discrete(Known(), batch, NAMES)
    torch.testing.assert_close(mean_by_datum(torch.ones(len(expanded.datum), 2), expanded), torch.ones(2, 2))


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
