from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ppgen.reporting.labels import label_line_ends, spread
from ppgen.reporting.style import house_style, new_figure


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(0.1, 5))
def test_spread_keeps_order_and_distance(positions: list[float], gap: float) -> None:
    placed = spread(positions, gap)
    order = np.argsort(positions, kind="stable")
    assert (np.diff(np.array(placed)[order]) >= gap - 1e-9).all()


def test_spread_leaves_alone_what_is_apart() -> None:
    assert spread([3.0, -1.0, 10.0], gap=1.0) == [3.0, -1.0, 10.0]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6))
def test_spread_moves_as_little_as_possible(positions: list[float]) -> None:
    """The least squares optimum: no feasible neighbour is nearer (checked along random feasible directions)."""
    placed = np.array(spread(positions, gap=1.0))
    order = np.argsort(positions, kind="stable")
    wanted, found = np.array(positions)[order], placed[order]
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = found + 0.01 * rng.normal(size=len(found))
        if (np.diff(other) >= 1.0).all():
            assert ((other - wanted) ** 2).sum() >= ((found - wanted) ** 2).sum() - 1e-9


def test_labels_stand_at_their_points() -> None:
    with house_style():
        axes = new_figure(3.0, 2.0).subplots()
        axes.plot([0, 1], [0, 10])
        label_line_ends(axes, [(1, 9.9, "upper", "#000000"), (1, 9.8, "lower", "#000000")])
    upper, lower = axes.texts
    assert (upper.get_text(), lower.get_text()) == ("upper", "lower")
    assert upper.xy == (1, 9.9)
    assert upper.get_position()[1] > lower.get_position()[1]  # pushed apart, in order
