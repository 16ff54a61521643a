from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from pyro.distributions import constraints

from ppgen.declare.supports import describe_tensor, name_of, same_support, support_name, support_of


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (dist.Normal(0.0, 1.0), "real numbers"),
        (dist.MultivariateNormal(torch.zeros(2), torch.eye(2)), "real numbers"),
        (dist.LogNormal(0.0, 1.0), "positive numbers"),
        (dist.Gamma(1.0, 1.0), "non-negative numbers"),
        (dist.Pareto(2.0, 1.0), "numbers from 2 on"),
        (dist.Beta(1.0, 1.0), "numbers in [0, 1]"),
        (dist.Uniform(torch.tensor([0.0, 1.0]), torch.tensor([3.0, 3.0])).to_event(1), "numbers in [0..1, 3]"),
        (dist.Bernoulli(0.5), "0 or 1"),
        (dist.Categorical(logits=torch.zeros(4)), "integers from 0 to 3"),
        (dist.Binomial(torch.tensor([3, 5]), 0.5), "integers from 0 to 3..5"),
        (dist.Poisson(1.0), "integers from 0 on"),
        (dist.OneHotCategorical(logits=torch.zeros(4)), "one-hot vectors"),
        (dist.Dirichlet(torch.ones(3)), "points of the simplex (non-negative, summing to 1)"),
        (dist.LKJCholesky(3, 1.0), "CorrCholesky()"),
    ],
)
def test_supports_have_names(fn: Any, words: str):
    assert support_name(fn.support) == words


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (constraints.positive, constraints.nonnegative, True),
        (constraints.positive, constraints.softplus_positive, True),
        (constraints.positive, constraints.greater_than(1.0), False),
        (constraints.positive, constraints.real, False),
        (constraints.real, constraints.real_vector, True),
        (constraints.unit_interval, constraints.interval(0, 1), True),
        (constraints.unit_interval, constraints.half_open_interval(0.0, 1.0), True),
        (constraints.unit_interval, constraints.interval(torch.zeros(3), torch.ones(3)), True),
        (constraints.unit_interval, constraints.interval(torch.zeros(3), torch.tensor([1.0, 1.0, 2.0])), False),
        (constraints.interval(torch.zeros(3), 1.0), constraints.interval(torch.zeros(2), 1.0), False),
        (constraints.integer_interval(0, 3), constraints.integer_interval(0, 4), False),
        (constraints.boolean, constraints.unit_interval, False),
    ],
)
def test_supports_are_compared_up_to_their_ends(first: Any, second: Any, same: bool):
    assert same_support(first, second) is same
    assert same_support(second, first) is same


def test_families_are_named_without_wrappers():
    inner = dist.Normal(0.0, 1.0).expand([3]).mask(torch.tensor(True)).to_event(1)
    assert name_of(inner) == "Normal"
    assert name_of(dist.LogNormal(0.0, 1.0).expand([2]).to_event(1)) == "LogNormal"


def test_a_distribution_need_not_say_its_support():
    class Silent(dist.TorchDistribution):
        pass

    assert support_of(dist.Normal(0.0, 1.0)) is constraints.real
    assert support_of(object()) is None
    assert support_of(Silent.__new__(Silent)) is None


def test_tensors_in_words():
    assert describe_tensor(torch.tensor([0.0, 2.5], requires_grad=True)) == "float32 [2] in [0, 2.5]"
    assert describe_tensor(torch.zeros(0, 3)) == "float32 [0, 3]"
    assert describe_tensor(torch.tensor(True)) == "bool []"
    assert describe_tensor([1]) == "list"
