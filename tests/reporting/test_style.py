from __future__ import annotations

import itertools

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgen.reporting.style import PAIRS, house_style, label_line_ends, new_figure, numeral, panels, spread

# Machado, Oliveira and Fernandes (2009), severity 1.0, acting on linear RGB.
EYES = {
    "normal": np.eye(3),
    "protanope": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranope": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ],
}  # fmt: skip
SRGB_TO_XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip
SERIES = list(PAIRS)[5:]


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    ratio = SRGB_TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    bright, dim = sorted((float(SRGB_TO_XYZ[1] @ linear(colour)) for colour in (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("paper", [0, 1], ids=["light", "dark"])
def test_any_two_series_are_told_apart(eye: str, paper: int) -> None:
    seen = {name: lab(np.array(EYES[eye]) @ linear(PAIRS[name][paper])) for name in SERIES}
    closest = min(itertools.combinations(seen, 2), key=lambda pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]))
    assert np.linalg.norm(seen[closest[0]] - seen[closest[1]]) > 20, closest


@pytest.mark.parametrize("paper", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_its_paper(paper: int) -> None:
    background = PAIRS["paper"][paper]
    for name in ("ink", "muted", *SERIES):  # 4.5 is WCAG AA for text, and series write their names
        assert contrast(PAIRS[name][paper], background) >= 4.5, name


def test_no_two_colours_are_the_same_so_that_the_page_can_swap_them() -> None:
    lights = [light for light, _ in PAIRS.values()]
    assert len(set(lights)) == len(lights)


@pytest.mark.parametrize(("columns", "rows"), [(1, 2), (2, 1), (3, 9), (5, 2)])
def test_panels_fill_the_axes_of_a_user_and_stand_apart(columns: int, rows: int) -> None:
    ax = new_figure(6.0, 4.0).subplots()
    made = panels(ax, (1.0, 1.0), columns, [1.0 + row for row in range(rows)])
    assert made.shape == (rows, columns)
    assert made.ravel().tolist() == ax.child_axes
    whole = ax.get_position()
    boxes = [panel.get_axes_locator()(panel, None) for panel in ax.child_axes]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    union = [min(box.x0 for box in boxes), min(box.y0 for box in boxes)]
    union += [max(box.x1 for box in boxes), max(box.y1 for box in boxes)]
    np.testing.assert_allclose(union, whole.extents)
    heights = [panel.bounds[3] for panel in (box for box in boxes[::columns])]
    np.testing.assert_allclose(np.array(heights) / heights[0], [1.0 + row for row in range(rows)])
    assert panels(ax, (1.0, 1.0)).tolist() == [[ax]]


def test_settings_end_with_the_block() -> None:
    before = dict(matplotlib.rcParams)
    with house_style():
        assert matplotlib.rcParams["svg.fonttype"] == "none"
    assert dict(matplotlib.rcParams) == before


def test_a_users_settings_do_not_reach_a_figure() -> None:
    with matplotlib.rc_context({"font.size": 30.0, "axes.grid": True}), house_style():
        assert matplotlib.rcParams["font.size"] == 9.0
        assert not matplotlib.rcParams["axes.grid"]


def test_figures_belong_to_no_pyplot_state() -> None:
    import matplotlib.pyplot

    with house_style():
        new_figure(2.0, 1.0)
    assert matplotlib.pyplot.get_fignums() == []


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(0.1, 5))
def test_spread_keeps_order_and_distance(positions: list[float], gap: float) -> None:
    placed = spread(positions, gap)
    order = np.argsort(positions, kind="stable")
    assert (np.diff(np.array(placed)[order]) >= gap - 1e-9).all()


def test_labels_stand_at_their_points() -> None:
    with house_style():
        axes = new_figure(3.0, 2.0).subplots()
        axes.plot([0, 1], [0, 10])
        label_line_ends(axes, [(1, 9.9, "upper", "#000000"), (1, 9.8, "lower", "#000000")])
    upper, lower = axes.texts
    assert (upper.get_text(), lower.get_text()) == ("upper", "lower")
    assert upper.xy == (1, 9.9)
    assert upper.get_position()[1] > lower.get_position()[1]  # pushed apart, in order


def test_numerals_round_and_carry_a_true_minus() -> None:
    assert numeral(-18.437, 2) == "−18.44"
    assert numeral(1234.5, 1) == "1234.5"
    assert numeral(-0.0, 0) == "0"
    assert numeral(-0.04, 1) == "0.0"
    assert numeral(-0.05001, 1) == "−0.1"
