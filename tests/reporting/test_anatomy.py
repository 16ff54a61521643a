from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppgen.errors import Unanswerable
from ppgen.reporting import anatomy


def history(distortion: float = 20.0, **extra: Any) -> list[dict[str, Any]]:
    """Three epochs: distortion falls by one an epoch, the rates of w and z rise by one."""
    return [
        {
            "epoch": epoch,
            "valid": {"distortion": distortion - epoch, "rate/w": 1.0 + epoch, "rate/z": 4.0 + epoch, **extra},
            "train": {"distortion": 0.0, "rate/w": 0.0, "rate/z": 0.0},
        }
        for epoch in (1, 2, 3)
    ]


def test_the_stack_is_distortion_and_rates_and_ends_at_the_negative_elbo() -> None:
    drawn = anatomy(history())
    axes = drawn.figure.axes[0]
    total = next(line for line in axes.lines if line.get_label() == "negative ELBO")
    np.testing.assert_allclose(total.get_ydata(), [19 + 2 + 5, 18 + 3 + 6, 17 + 4 + 7])
    assert [area.get_label() for area in axes.collections] == ["distortion", "rate of w", "rate of z"]
    lower = axes.collections[0].get_paths()[0].vertices
    assert lower[:, 1].max() == pytest.approx(19.0)
    assert "Negative ELBO 28.0 = distortion 17.0 + rate of w 4.0 + rate of z 7.0" in drawn.caption


def test_negative_parts_are_lines_since_they_do_not_stack() -> None:
    axes = anatomy(history(distortion=-50.0)).figure.axes[0]
    assert not axes.collections
    assert list(axes.lines[0].get_ydata()) == [-51, -52, -53]


def test_dimensions_are_sorted_bars_within_their_latent() -> None:
    extra = {"kl_per_dimension/w": [0.1, 0.7], "kl_per_dimension/z": [0.0, 2.0, 1.0], "active_units/z": 2}
    drawn = anatomy(history(**extra))
    bars = {c.get_label(): [bar.get_height() for bar in c] for c in drawn.figure.axes[1].containers}
    assert bars == {"w": [0.7, 0.1], "z": [2.0, 1.0, 0.0]}
    assert "2 of 3 units of z are active" in drawn.caption
    assert any("2 of 3 active" in text.get_text() for text in drawn.figure.axes[1].texts)


def test_a_collapsed_code_looks_collapsed() -> None:
    drawn = anatomy(history(**{"kl_per_dimension/z": [1e-4, 1e-5]}))
    assert drawn.figure.axes[1].get_ylim()[1] >= 0.1


def test_a_point_guide_has_no_elbo_and_none_is_claimed() -> None:
    drawn = anatomy(
        [{"epoch": epoch, "valid": {"distortion": 3.0, "rate/z": 1.0, "log_joint": -4.0}} for epoch in (1, 2)]
    )
    assert "Negative log p(x, z) 4.0" in drawn.caption
    assert "ELBO" not in drawn.alt + drawn.caption


def test_training_rows_serve_where_nothing_was_validated() -> None:
    drawn = anatomy([{"epoch": 1, "train": {"distortion": 3.0, "rate/z": 1.0}}, {"epoch": 2, "train": {"rate/z": 2.0}}])
    assert "training" in drawn.caption


def test_no_rate_no_anatomy() -> None:
    for rows in ([], [{"epoch": 1, "train": {"log_prob": -3.0}}]):
        with pytest.raises(Unanswerable, match="no ELBO"):
            anatomy(rows)
