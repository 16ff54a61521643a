"""Pictures of adversarial games: the film on a line, and the map of modes in a plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import ppgen
from ppgen.errors import Unanswerable
from ppgen.reporting import GameFilm, mode_map


def play(dims: int, **settings: Any) -> ppgen.Fit:
    torch.manual_seed(0)
    model = ppgen.models.GAN((dims,), 1, hidden=(8,), output="none")
    settings = {"objective": ppgen.Adversarial(), "max_epochs": 2, "batch_size": 50, "progress": False, **settings}
    return ppgen.fit(model, {"train": torch.randn(100, dims)}, **settings)


def test_a_film_shows_both_players_as_they_were() -> None:
    film = GameFilm(torch.randn(100, 1), steps=(1, 4))
    fit = play(1, callbacks=[film])
    assert [frame.step for frame in film.frames] == [1, 4]
    with torch.no_grad():
        expected = fit.state.networks["critic"](torch.as_tensor(film.places).float().unsqueeze(-1))
    np.testing.assert_allclose(film.frames[-1].scores, expected, rtol=1e-5)
    plain = play(1)
    assert [row["train"] for row in plain.history] == [row["train"] for row in fit.history]  # to film changes nothing
    outer: Any = Figure().subplots()
    film.draw(ax=outer)
    curves = [axes for axes in outer.child_axes if axes.get_xlabel() == "x"]
    assert [axes.get_title(loc="left") for axes in outer.child_axes][:2] == ["step 1", "step 4"]
    np.testing.assert_allclose(curves[1].lines[0].get_ydata(), film.frames[1].scores)


def test_a_mode_map_has_data_draws_and_the_critic() -> None:
    fit = play(2)
    axes = Figure().subplots()
    mode_map(fit, torch.randn(30, 2), seed=3, ax=axes)
    (data, draws) = (each for each in axes.collections if each.get_label() in ("data", "draws"))
    assert np.asarray(data.get_offsets()).shape == (30, 2)
    np.testing.assert_allclose(
        np.asarray(draws.get_offsets(), dtype=float), fit.sample(1000, seed=3).only.numpy(), rtol=1e-6
    )


def test_a_line_has_no_mode_map() -> None:
    with pytest.raises(Unanswerable, match="points in a plane"):
        mode_map(play(1), torch.randn(5, 1))
