from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation import Comparison, DataSplit
from ppgen.reporting import ranking
from ppgen.reporting.style import PALETTE, PAPER


def dots(axes: Any) -> dict[int, Any]:
    """The marker of each row."""
    return {round(float(line.get_ydata()[0])): line for line in axes.lines if line.get_marker() == "o"}


def labels(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_rows_are_sorted_and_values_and_intervals_are_those_of_the_cards(comparison: Comparison) -> None:
    density, sampling = ranking(comparison.cards).figure.axes
    assert labels(density) == ["vae", "pixelcnn", "beta-vae", "gan", "factorised Bernoulli"]
    marks = dots(density)
    assert {row: float(line.get_xdata()[0]) for row, line in marks.items()} == {0: -19.8, 1: -21.0, 2: -22.4, 4: -28.0}
    intervals = [line.get_xdata() for line in density.lines if line.get_marker() != "o"]
    assert list(intervals[0]) == pytest.approx([-19.8 - 1.96 * 0.2, -19.8 + 1.96 * 0.2])
    assert set(dots(sampling)) == {0, 1, 2, 3}


def test_only_exact_values_are_filled_and_only_bounds_are_arrows(comparison: Comparison) -> None:
    density, _ = ranking(comparison.cards).figure.axes
    faces = {row: line.get_markerfacecolor() for row, line in dots(density).items()}
    assert faces == {0: PAPER, 1: PALETTE[0], 2: PAPER, 4: PAPER}
    arrows = [text for text in density.texts if text.arrow_patch is not None]
    assert sorted(arrow.xy for arrow in arrows) == [(-22.4, 2), (-19.8, 0)]
    assert all(arrow.xyann[0] > 0 for arrow in arrows)  # to the right, where the truth lies


def test_an_upper_bound_points_left(make_card: Callable[..., Any]) -> None:
    density, _ = ranking([make_card("other", -20.0, "upper bound")]).figure.axes
    (arrow,) = [text for text in density.texts if text.arrow_patch is not None]
    assert arrow.xyann[0] < 0


def test_an_interval_is_drawn_from_end_to_end(make_card: Callable[..., Any]) -> None:
    between = Estimate(-20.0, kind="interval", low=-20.5, high=-19.0, unit="nats", measure="binary", of="p(x)")
    density, _ = ranking([make_card("vae", density={"log_prob": between})]).figure.axes
    assert [list(line.get_xdata()) for line in density.lines if line.get_marker() != "o"] == [[-20.5, -19.0]]


def test_the_floor_of_kid_is_a_line_and_no_density_is_said(comparison: Comparison) -> None:
    density, sampling = ranking(comparison.cards).figure.axes
    assert any(list(line.get_xdata()) == [0.001, 0.001] for line in sampling.lines)
    assert [text.get_text() for text in density.texts if text.get_text()] == ["no density"]


def test_one_failed_model_does_not_flatten_the_others(make_card: Callable[..., Any]) -> None:
    failed = {"kid": Estimate(362768.0, 50000.0, better="lower")}
    cards = [make_card("vae", -20.0), make_card("other", -21.0), make_card("failed", sampling=failed)]
    _, sampling = ranking(cards).figure.axes
    assert sampling.get_xlim()[1] < 1.0
    assert any("off the scale: 362768" in text.get_text() for text in sampling.texts)


def test_a_conditional_density_stands_apart(make_card: Callable[..., Any]) -> None:
    cards = [make_card("cvae", -10.0, of="p(x | y)"), make_card("vae", -20.0)]
    density, _ = ranking(cards).figure.axes
    assert labels(density)[:2] == ["vae", "cvae, p(x | y)"]
    assert dots(density)[0].get_color() != dots(density)[1].get_color()


def test_measures_and_data_get_axes_of_their_own(make_card: Callable[..., Any]) -> None:
    continuous = {"log_prob": Estimate(90.0, 1.0, "lower bound", "nats", measure="continuous")}
    elsewhere = make_card("elsewhere", -90.0, fingerprint="beef", data=DataSplit("mnist", 50))
    drawn = ranking([make_card("gan"), make_card("vae", -20.0), make_card("gaussian", density=continuous), elsewhere])
    densities = drawn.figure.axes[::2]
    assert [[name for name in labels(axes) if name != "factorised Bernoulli"] for axes in densities] == [
        ["vae", "gan"],
        ["gaussian"],
        ["elsewhere"],
    ]
    assert ["(binary)" in axes.get_xlabel() for axes in densities] == [True, False, True]
    assert [axes.get_title(loc="left").partition(",")[0] for axes in densities] == ["digits", "digits", "mnist"]


def test_a_formula_in_a_name_is_a_name(make_card: Callable[..., Any]) -> None:
    assert "$x_1$" in ranking([make_card("$x_1$", -20.0)]).svg("p")


def test_nothing_to_rank() -> None:
    with pytest.raises(SettingError, match="no scorecard"):
        ranking([])


def test_of_several_trivial_densities_the_strongest_is_drawn(make_card: Callable[..., Any]) -> None:
    floors = {
        f"log_prob {name}": Estimate(value, kind="exact", unit="nats", better="higher")
        for name, value in (("uniform over 256 levels", -355.0), ("factorised histogram", -90.0))
    }
    density, _ = ranking([make_card("vae", -40.0, baselines=floors)]).figure.axes
    assert [label.get_text() for label in density.get_yticklabels()] == ["vae", "factorised histogram"]
    assert density.get_xlim()[0] > -100.0
