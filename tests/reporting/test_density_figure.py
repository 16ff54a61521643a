"""Data of one or two dimensions: the drawn density is the model's, and its contours hold what they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from matplotlib.figure import Figure

import ppgen
from ppgen.errors import Unanswerable
from ppgen.reporting.density_figure import low_dimensions, mass_levels


class Fixed(ppgen.Model):
    """x ~ a distribution that is handed in; one parameter, so that there is something to fit."""

    def __init__(self, make: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.make, self.free = make, torch.nn.Parameter(torch.zeros(()))

    @ppgen.observed
    def x(self) -> Any:
        return self.make(0.0 * self.free)


def fitted(make: Callable[[torch.Tensor], Any], x: torch.Tensor) -> Any:
    return ppgen.fit(Fixed(make), {"x": x}, max_epochs=1, progress=False, device="cpu")


def test_contours_of_a_normal_hold_their_shares_of_it() -> None:
    grid = np.linspace(-6, 6, 301)
    across, up = np.meshgrid(grid, grid)
    log_density = -math.log(2 * math.pi) - 0.5 * (across**2 + up**2)
    # Of N(0, I) in the plane, the region of highest density with mass q is where |x|^2 < -2 log(1 - q).
    expected = [-math.log(2 * math.pi) + math.log(1 - mass) for mass in (0.95, 0.8, 0.5)]
    np.testing.assert_allclose(mass_levels(log_density), expected, atol=0.01)


def test_a_curve_is_the_models_density() -> None:
    torch.manual_seed(0)
    fit = fitted(lambda zero: dist.Normal(zero + 1.0, 2.0), 1.0 + 2.0 * torch.randn(300))
    axes = fit.plot.density(ax=Figure().subplots(), n=30)
    (line,) = axes.lines
    places, heights = (np.asarray(values, dtype=float) for values in line.get_data())
    np.testing.assert_allclose(
        heights, np.exp(-0.5 * ((places - 1) / 2) ** 2) / (2 * math.sqrt(2 * math.pi)), rtol=1e-5
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["data", "samples", "density"]


def test_whole_numbers_have_a_probability_each() -> None:
    torch.manual_seed(0)
    fit = fitted(lambda zero: dist.Poisson(zero + 3.0), torch.poisson(torch.full((300,), 3.0)))
    (line,) = fit.plot.density(ax=Figure().subplots()).lines
    counts, heights = (np.asarray(values, dtype=float) for values in line.get_data())
    assert counts.tolist() == list(range(int(counts[0]), int(counts[-1]) + 1))
    np.testing.assert_allclose(heights, [3.0**k * math.exp(-3) / math.factorial(int(k)) for k in counts], rtol=1e-5)


def test_the_plane_has_contours_of_the_models_density_data_and_samples() -> None:
    torch.manual_seed(0)
    fit = fitted(lambda zero: dist.Normal(zero.expand(2), torch.tensor([1.0, 3.0])).to_event(1), torch.randn(300, 2))
    shown = low_dimensions(fit, fit.data.split("test"), seed=1)
    assert shown.log_density is not None
    assert shown.samples.shape == shown.data.shape == (30, 2)
    first, second = np.meshgrid(*shown.grid, indexing="ij")
    expected = -math.log(2 * math.pi * 3) - 0.5 * (first**2 + (second / 3) ** 2)
    np.testing.assert_allclose(shown.log_density, expected, rtol=1e-5)
    np.testing.assert_array_equal(shown.samples, fit.sample(30, seed=1).only.double().numpy())
    axes = fit.plot.density(ax=Figure().subplots())
    assert len(axes.collections) == 3  # data, samples, contours
    assert fit.plot.density(ax=Figure().subplots(), n=10).collections[0].get_offsets().shape == (10, 2)


def test_positive_numbers_ask_for_no_density_below_zero() -> None:
    torch.manual_seed(0)
    x = torch.distributions.Gamma(2.0, 1.0).sample((300,))
    shown = low_dimensions(fitted(lambda zero: dist.Gamma(zero + 2.0, 1.0), x), {"x": x[:50]}, seed=0)
    assert shown.grid[0].min() > 0
    assert "The learned density" in shown.said


def test_without_a_density_there_are_samples_and_the_reason() -> None:
    torch.manual_seed(0)
    points = torch.rand(200, 1) * torch.tensor([[1.0, 0.5]])
    fit = ppgen.fit(ppgen.models.GAN((2,), 2, hidden=(8,)), {"x": points}, max_epochs=1, progress=False)
    drawn = ppgen.reporting.fit_figures(fit).figures["density"]
    assert "No density is drawn: no density: implicit model" in drawn.caption
    assert [text.get_text() for text in drawn.figure.axes[0].get_legend().get_texts()] == ["data", "samples"]


def test_what_is_told_something_has_no_one_density() -> None:
    torch.manual_seed(0)

    class Line(Fixed):
        @ppgen.observed
        def x(self, t: torch.Tensor) -> Any:
            return dist.Normal(self.free * t, 1.0)

    fit = ppgen.fit(Line(torch.abs), {"x": torch.randn(200), "t": torch.randn(200)}, max_epochs=1, progress=False)
    assert "another one for each value of t" in low_dimensions(fit, fit.data.split("test"), seed=0).said


def test_pictures_are_no_points(fits: Any) -> None:
    with pytest.raises(Unanswerable, match="no point on a line"):
        fits["vae"].plot.density(ax=Figure().subplots())
