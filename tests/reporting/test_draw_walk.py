"""Walks are drawn as what they decode to: tiles, curves, paths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import ppgen
from ppgen.by_site import BySite
from ppgen.errors import SettingError
from ppgen.walks import Walk


def walk(*event: int, rows: int = 2, columns: int = 3) -> Walk:
    values = torch.linspace(0.0, 1.0, rows * columns).reshape(rows, columns, *[1] * len(event)).expand(-1, -1, *event)
    return Walk(
        "traversal",
        BySite(z=torch.zeros(rows, columns, 1)),
        BySite(x=values),
        torch.zeros(rows, columns),
        tuple(f"z[{row}]" for row in range(rows)),
        tuple(str(column) for column in range(columns)),
        "",
    )


def test_pictures_become_tiles_in_rows_and_columns() -> None:
    axes = Figure().subplots()
    assert walk(1, 4, 4).plot(ax=axes) is axes
    image = np.asarray(axes.images[0].get_array())
    assert image.shape == (9, 14, 4)  # a gap of one between tiles
    assert [int(image[top, left, 0]) for top in (0, 5) for left in (0, 5, 10)] == [0, 51, 102, 153, 204, 255]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z[0]", "z[1]"]
    assert axes.get_xticks().tolist() == [2.0, 7.0, 12.0]
    assert axes.get_yticks().tolist() == [2.0, 7.0]


def test_vectors_become_curves_and_points_a_path() -> None:
    curves = walk(6).plot(ax=Figure().subplots())
    assert len(curves.collections[0].get_segments()) == 6
    assert [label.get_text() for label in curves.get_xticklabels()] == ["0", "1", "2"]
    plane = walk(2).plot(ax=Figure().subplots())
    assert [len(line.get_xdata()) for line in plane.lines] == [3, 3]
    line = walk().plot(ax=Figure().subplots())
    assert np.allclose(line.lines[1].get_ydata(), [0.6, 0.8, 1.0])


def test_a_site_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingError, match="'y'"):
        walk(2).plot(ax=Figure().subplots(), site="y")


def test_nothing_of_pyplot_is_touched_where_axes_are_given_and_a_figure_is_made_where_not() -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    walk(1, 4, 4).plot(ax=Figure().subplots())
    assert pyplot.get_fignums() == before
    pyplot.close(walk(1, 4, 4).plot().figure)


def test_a_fit_draws_its_walks() -> None:
    fit = ppgen.fit(ppgen.models.GAN((1, 8, 8), 4, hidden=(8,)), "digits", max_epochs=1, progress=False)
    axes = fit.interpolate(n=3, steps=4).plot(ax=Figure().subplots())
    assert axes.images[0].get_array().shape[:2] == (26, 35)


def test_black_and_white_are_those_of_data_not_of_what_is_walked_to() -> None:
    torch.manual_seed(0)
    model = ppgen.models.Autoencoder((1, 8, 8), latent_dim=2, hidden=(8,))
    fit = ppgen.fit(model, "digits", guide=ppgen.guides.Delta(model), max_epochs=1, progress=False)
    moved = fit.interpolate({"z": torch.full((1, 2), -40.0)}, {"z": torch.full((1, 2), 40.0)}, steps=4)
    decoded = moved.values["x"].double().numpy()
    assert decoded.min() < 0 or decoded.max() > 1  # a Gaussian decoder far from its codes
    assert moved.ranges == {"x": (0.0, 1.0)}
    image = np.asarray(moved.plot(ax=Figure().subplots()).images[0].get_array())
    np.testing.assert_array_equal(image[:8, :8, 0], np.round(255 * decoded[0, 0, 0].clip(0, 1)))
