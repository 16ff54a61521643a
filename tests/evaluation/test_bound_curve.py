"""The bound by the number of particles: below the evidence, never falling, and the bound of a fit at its end."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ppgen
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.evaluation import bound_curve
from ppgen.evaluation.bound_curve import nested_bounds
from ppgen.fitted import Fit
from ppgen.guides import MeanField
from ppgen.reporting import bound_curves
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal


@pytest.fixture(scope="module")
def linear() -> Fit:
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, x_dim=6).requires_grad_(False)
    x = marginal(model).sample((200,)).float()
    return ppgen.fit(model, x, guide=MeanField(model), max_epochs=20, learning_rate=0.03, progress=False)


@given(st.integers(0, 1000), st.sampled_from([[1, 2, 4, 12], [3, 6, 12], [12], [1, 12]]))
@settings(max_examples=25)
def test_no_bound_ever_falls(seed: int, counts: list[int]) -> None:
    weights = 3.0 * torch.randn(24, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    bounds = nested_bounds(weights, counts)
    assert bounds.shape == (len(counts), 5)
    assert (bounds.diff(dim=0) >= -1e-12).all()


def test_a_bound_is_the_mean_of_its_groups() -> None:
    weights = torch.tensor([[1.0], [3.0], [2.0], [6.0]], dtype=torch.float64).log()
    found = nested_bounds(weights, [1, 2, 4]).flatten().tolist()
    assert found == pytest.approx([math.log(36.0) / 4, (math.log(2.0) + math.log(4.0)) / 2, math.log(3.0)])


def test_the_curve_rises_from_the_elbo_to_the_evidence(linear: Fit) -> None:
    x = linear.data.split("test")["x"]
    curve = bound_curve(linear, None, (1, 10, 1000))
    truth = float(log_evidence(linear.model, x).mean())
    assert all(few.value < many.value for few, many in pairwise(curve.values()))
    assert curve[1].value == pytest.approx(linear.elbo(num_particles=1000, seed=9).value, abs=0.1)
    assert curve[1000].value == pytest.approx(truth, abs=0.05)
    assert curve[1].value < truth - 0.1  # else a flat curve would pass
    assert (curve[10].kind, curve[10].estimator, curve[10].num_data) == ("lower bound", "IWAE-10", len(x))
    assert curve[1000].value == pytest.approx(linear.log_prob(x[:128], 1000).value, abs=1e-9)  # of one chunk


@pytest.mark.parametrize("counts", [(), (2, 3), (10, 1), (5, 5), (0, 5)])
def test_numbers_that_do_not_nest_are_refused(linear: Fit, counts: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match="bound_curve"):
        bound_curve(linear, None, counts)


def test_an_exact_density_has_no_curve() -> None:
    fit = ppgen.fit(ppgen.models.MADE((1, 2, 2)), torch.zeros(20, 1, 2, 2), max_epochs=1, progress=False)
    with pytest.raises(Unanswerable, match="weigh"):
        bound_curve(fit)


def test_the_figure_has_a_line_for_each_fit(linear: Fit) -> None:
    curve = bound_curve(linear, None, (1, 10))
    drawn = bound_curves({"mean-field": curve, "again": curve})
    lines = [line.get_xydata().tolist() for line in drawn.figure.axes[0].lines]
    assert lines == [[[1.0, curve[1].value], [10.0, curve[10].value]]] * 2
    assert drawn.caption.startswith("From 1 to 10 particles the bound rises by ")
    with pytest.raises(DataError, match="a bound for each fit"):
        bound_curves({})
