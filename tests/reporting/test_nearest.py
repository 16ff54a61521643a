"""Nearest training data and extremes of reconstruction, against a search by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ppgen.reporting.nearest import extremes, nearest_rows
from ppgen.reporting.strip import shuffled_test


def test_the_nearest_row_is_that_of_a_search_by_hand() -> None:
    generator = torch.Generator().manual_seed(0)
    x, among = torch.rand(7, 1, 3, 3, generator=generator), torch.rand(40, 1, 3, 3, generator=generator)
    rows, apart = nearest_rows(x, among)
    for point, row, distance in zip(x, rows, apart, strict=True):
        all_of_them = ((among - point) ** 2).mean(dim=(1, 2, 3)).sqrt()
        assert int(all_of_them.argmin()) == int(row)
        torch.testing.assert_close(distance.float(), all_of_them.min())


def test_a_copy_is_at_distance_zero() -> None:
    among = torch.eye(5)
    rows, apart = nearest_rows(among[[3, 1]], among)
    assert rows.tolist() == [3, 1]
    assert apart.tolist() == [0.0, 0.0]


def test_best_and_worst_are_the_ends_of_the_order(fits: Mapping[str, Any]) -> None:
    fit = fits["vae"]
    test = shuffled_test(fit, 0)
    error = ((test["x"] - fit.reconstruct(test, site="x")) ** 2).flatten(1).mean(1).sqrt().numpy()
    best, worst = (axes.get_title(loc="left") for axes in extremes(fit, test).figure.axes)
    assert best.startswith(f"best: {np.sort(error)[0]:.3f}")
    assert worst.endswith(f"to {np.sort(error)[-1]:.3f}")
