from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch

from ppgen.declare import Model, check, latent, observed
from ppgen.declare.batch import MISSING, batch_rows, is_missing, partly_missing, views, without_latents
from ppgen.errors import DataError
from ppgen.guides import MeanField


class Classes(Model):
    """y ~ Categorical;  w ~ Bernoulli;  x | y, w ~ Normal."""

    @latent
    def y(self):
        return dist.Categorical(logits=torch.zeros(3))

    @latent
    def w(self):
        return dist.Bernoulli(0.5)

    @observed
    def x(self, y, w):
        return dist.Normal(y + 10.0 * w, 1.0)


class Counted(Model):
    """y ~ Poisson, whose values cannot be listed;  x | y ~ Normal."""

    @latent
    def y(self):
        return dist.Poisson(3.0)

    @observed
    def x(self, y):
        return dist.Normal(y, 1.0)


X = torch.arange(4.0)
Y = torch.tensor([0, MISSING, 2, MISSING])
W = torch.tensor([0.0, 1.0, MISSING, MISSING])


def test_rows_are_those_of_the_batch_else_the_size_else_one():
    assert batch_rows({"x": torch.zeros(3, 2), "y": torch.zeros(3)}, 9) == 3
    assert batch_rows({}, 9) == 9
    assert batch_rows({}, None) == 1


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (torch.zeros(3), ("a batch is a dictionary of tensors", "Tensor", '{"x": x}')),
        ({"x": [1.0, 2.0]}, ("x: a batch holds tensors", "list", "torch.as_tensor(x)")),
        ({"x": torch.zeros(2).numpy()}, ("x: a batch holds tensors", "ndarray", "torch.as_tensor(x)")),
        ({"x": torch.tensor(1.0)}, ("x: a batch holds tensors", "without dims")),
        ({"x": torch.zeros(16, 2), "y": torch.zeros(15)}, ("y: its number of rows", "16 rows, as x", "15 rows")),
    ],
)
def test_a_batch_has_one_row_per_data_point(refuses, batch, words):
    with refuses(DataError, *words):
        batch_rows(batch, None)


def test_a_row_is_missing_if_all_of_its_numbers_are():
    assert is_missing(Y).tolist() == [False, True, False, True]
    assert is_missing(torch.tensor([[-1.0, 1.0], [-1.0, -1.0]])).tolist() == [False, True]


def test_latents_are_left_out():
    assert set(without_latents(Classes(), {"x": X, "y": Y, "given": X})) == {"x", "given"}


def test_only_latents_with_a_missing_row_are_partly_missing():
    batch = {"x": torch.full((4,), -1.0), "y": Y, "w": torch.ones(4)}
    assert partly_missing(Classes(), batch) == ["y"]


def test_views_are_the_batch_without_the_variables_and_the_rows_with_all_of_them():
    without, known = views({"x": X, "y": Y, "w": W}, ["y", "w"])
    assert set(without) == {"x"}
    assert {key: value.tolist() for key, value in known.items()} == {"x": [0.0], "y": [0], "w": [0.0]}


def test_without_any_complete_row_there_is_one_view():
    assert [set(view) for view in views({"x": X, "y": torch.full((4,), MISSING)}, ["y"])] == [{"x"}]


def test_a_pair_passes_with_missing_values_of_discrete_latents():
    model = Classes()
    check(model, MeanField(model), {"x": X, "y": Y, "w": W})


@pytest.mark.parametrize("wrong", [-2, 3])
def test_other_values_outside_the_support_stay_errors(wrong):
    with pytest.raises(DataError, match="integers from 0 to 2, or -1 where it is not observed"):
        check(Classes(), None, {"x": X, "y": torch.tensor([0, MISSING, 2, wrong])})


def test_a_count_that_cannot_be_summed_out_cannot_be_missing():
    with pytest.raises(DataError, match="integers from 0 on"):
        check(Counted(), None, {"x": X, "y": torch.tensor([0.0, -1.0, 2.0, 3.0])})


def test_minus_one_is_a_value_of_a_continuous_latent():
    class Line(Model):
        @latent
        def z(self):
            return dist.Normal(0.0, 1.0)

        @observed
        def x(self, z):
            return dist.Normal(z, 1.0)

    check(Line(), None, {"x": X, "z": torch.tensor([-1.0, 0.0, 1.0, -1.0])})


def test_an_observed_site_cannot_be_missing_and_the_error_says_how_it_could():
    class Told(Model):
        @observed
        def y(self):
            return dist.Categorical(logits=torch.zeros(3))

    with pytest.raises(DataError, match=r"mark the method y @ppgen\.latent"):
        check(Told(), None, {"y": Y})


def test_nan_marks_nothing():
    with pytest.raises(DataError, match="not finite"):
        check(Classes(), None, {"x": X, "w": torch.tensor([0.0, 1.0, float("nan"), -1.0])})
