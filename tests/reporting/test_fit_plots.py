"""`fit.plot`: axes in, axes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import ppgen
from ppgen.errors import SettingError, Unanswerable
from ppgen.reporting import FitPlots
from ppgen.reporting.mosaic import mosaic

PLOTS = sorted(name for name in dir(FitPlots) if callable(getattr(FitPlots, name)) and not name.startswith("_"))
ORDERED = {"entropy", "generation", "receptive_field", "surprise"}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    pyplot.close("all")


@pytest.mark.parametrize("name", PLOTS)
def test_axes_go_in_and_come_out(fits: Mapping[str, Any], fit_to_a_line: Any, fit_of_pairs: Any, name: str) -> None:
    """One rule for all figures: ``ax=`` is one axes, which is returned; panels are its children."""
    special = {"density": fit_to_a_line, "translations": fit_of_pairs}
    fit = special.get(name, fits["pixelcnn" if name in ORDERED else "vae"])
    figure, mine = pyplot.subplots()
    assert getattr(fit.plot, name)(ax=mine) is mine
    assert all(panel.has_data() for panel in mine.child_axes or [mine])
    assert figure.axes == [mine] or set(figure.axes) == {mine, *mine.child_axes}
    assert pyplot.get_fignums() == [figure.number]
    figure.draw_without_rendering()
    assert getattr(fit.plot, name)().figure.number in pyplot.get_fignums()
    assert len(pyplot.get_fignums()) == 2  # one that a notebook shows


def test_every_figure_of_the_page_has_a_plot(fits: Mapping[str, Any], fit_to_a_line: Any, fit_of_pairs: Any) -> None:
    drawn = {
        name
        for each in (*fits.values(), fit_to_a_line, fit_of_pairs)
        for name in ppgen.reporting.fit_figures(each).figures
    }
    renamed = {"traversal": "traversals", "interpolation": "interpolations"}
    assert {renamed.get(name, name) for name in drawn} == set(PLOTS)


@pytest.mark.parametrize("name", ["anatomy", "grids", "latent_space", "learning_curves", "ranking", "reconstructions"])
def test_functions_of_numbers_take_axes_too(fits: Mapping[str, Any], comparison: Any, name: str) -> None:
    x = np.random.default_rng(0).uniform(size=(9, 1, 4, 4))
    given: dict[str, tuple[Any, ...]] = {
        "anatomy": (fits["vae"].history,),
        "grids": ({"samples": x, "data": x},),
        "latent_space": (x[:, 0, 0],),
        "learning_curves": ({"a": fits["vae"].history, "b": fits["gan"].history},),
        "ranking": (comparison.cards,),
        "reconstructions": (x, x),
    }
    axes = Figure().subplots()
    drawn = getattr(ppgen.reporting, name)(*given[name], ax=axes)
    assert drawn.figure is axes.figure
    assert all(panel.has_data() or panel.get_legend() for panel in axes.child_axes or [axes])
    places = [panel.get_position() for panel in axes.child_axes]
    assert not any(a.overlaps(b) for i, a in enumerate(places) for b in places[:i])
    assert drawn.png()


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
