"""`fit.plot`: axes in, axes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot

from ppgen.errors import SettingError, Unanswerable
from ppgen.reporting.grids import mosaic

PLOTS = ("learning_curve", "samples", "reconstructions", "latent_space", "traversals")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    pyplot.close("all")


@pytest.mark.parametrize("name", PLOTS)
def test_axes_go_in_and_come_out(fits: Mapping[str, Any], name: str) -> None:
    figure, mine = pyplot.subplots()
    assert getattr(fits["vae"].plot, name)(mine) is mine
    assert mine.has_data()
    assert pyplot.get_fignums() == [figure.number]
    assert getattr(fits["vae"].plot, name)().has_data()
    assert len(pyplot.get_fignums()) == 2  # one that a notebook shows


def test_curves_and_pictures_are_the_fits(fits: Mapping[str, Any]) -> None:
    fit = fits["vae"]
    heights = {line.get_label(): list(line.get_ydata()) for line in fit.plot.learning_curve().get_lines()}
    assert heights["valid"] == [row["valid"]["elbo"] for row in fit.history]
    image = fit.plot.samples(n=9, seed=2).images[0].get_array()
    drawn = fit.sample(9, seed=2, site="x").double().numpy()
    np.testing.assert_array_equal(image, mosaic(drawn, 3, (0.0, 1.0)))


def test_traversals_of_a_fit_without_a_code_start_from_draws(fits: Mapping[str, Any]) -> None:
    axes = fits["gan"].plot.traversals(seed=1, dims=[0, 2], steps=3)
    walk = fits["gan"].traverse(seed=1, dims=[0, 2], steps=3)
    pictures = walk.values["x"].flatten(0, 1).double().numpy()
    np.testing.assert_array_equal(axes.images[0].get_array()[:8, :8, 0], np.round(pictures[0, 0] * 255))


def test_what_a_fit_cannot_answer_is_not_drawn(fits: Mapping[str, Any]) -> None:
    for draw in (fits["gan"].plot.latent_space, fits["gan"].plot.reconstructions):
        with pytest.raises(Unanswerable, match="no representation"):
            draw()
    with pytest.raises(SettingError, match="'w'"):
        fits["vae"].plot.latent_space(site="w")
