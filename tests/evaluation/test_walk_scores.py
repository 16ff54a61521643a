"""Walks made by hand, whose scores are counted by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.by_site import BySite
from ppgen.data import Dataset
from ppgen.errors import SettingError
from ppgen.evaluation import Judge, judge_of
from ppgen.walks import Walk


def walk(kind: str, values: Any, coordinates: Any = None, labels: tuple[str, ...] = ()) -> Walk:
    """Rows of values of two numbers, [rows, columns, 2]."""
    x = torch.tensor(values, dtype=torch.float64)
    shares = torch.linspace(0, 1, x.shape[1]).expand(x.shape[:2])
    steps = shares if coordinates is None else torch.tensor(coordinates).expand(x.shape[:2])
    return Walk(kind, BySite(z=x), BySite(x=x), steps, labels or ("",) * len(x), (), "by hand")


def see(x: Tensor) -> dict[str, Tensor]:
    """Whether the first number is above 0; and the second, rounded, as one of four classes."""
    p = torch.sigmoid(4.0 * x[:, 0])
    return {"high": torch.stack([1 - p, p], 1), "size": torch.eye(4)[x[:, 1].round().long()]}


JUDGE = Judge(see, lambda x: x)


def test_even_steps_and_a_leap() -> None:
    even, leap = [[0.0, 0], [1, 0], [2, 0], [3, 0], [4, 0]], [[0.0, 0], [0, 0], [0, 0], [4, 0], [4, 0]]
    assert walk("interpolation", [even]).scores(JUDGE)["largest step"].value == pytest.approx(1.0)
    found = walk("interpolation", [even, leap]).scores(JUDGE)
    assert found["largest step"].value == pytest.approx((1.0 + 4.0) / 2)
    assert found["largest step"].standard_error == pytest.approx(1.5)
    assert found["path length"].value == pytest.approx((16.0 + 4 * 16.0) / 2)
    assert "largest step" not in walk("interpolation", [[[1.0, 0]] * 3]).scores(JUDGE)  # nothing moves


def test_confidence_on_the_way_and_at_its_ends() -> None:
    found = walk("interpolation", [[[-9.0, 0], [0, 0], [9, 0]]]).scores(JUDGE)
    assert found["confidence in high"].value == pytest.approx(0.5)
    assert found["confidence in high at the ends"].value == pytest.approx(1.0)
    assert found["confidence in size"].value == 1.0


def test_a_factor_along_a_latent() -> None:
    up, down, still = ([[level, 0.0] for level in levels] for levels in ([-1, 0, 2], [2, 0, -1], [1, 1, 1]))
    labels = ("z[0] from 0", "z[1] from 0", "z[0] from 1", "z[1] from 1")
    found = walk("traversal", [up, down, up, still], labels=labels).scores(JUDGE)
    assert found["high along z[0]"].value == pytest.approx(1.0)
    assert found["high along z[1]"].value == pytest.approx(-0.5)
    assert not any(name.startswith("size along") for name in found)  # four classes in no order
    sizes = walk("traversal", [[[0.0, 0], [0, 2], [0, 1], [0, 3]]], labels=("z[0]",))
    assert sizes.scores(JUDGE, ordered=["size"])["size along z[0]"].value == pytest.approx(0.8)


def test_what_arithmetic_changes_and_keeps() -> None:
    rows = [[[-1.0, 0], [1, 0]], [[-1, 1], [1, 2]], [[-1, 1], [-1, 1]], [[1, 3], [1, 3]]]
    found = walk("arithmetic", rows, [0.0, 1.5]).scores(JUDGE, changed={"high": 1})
    assert {name: number.value for name, number in found.items()} == {
        "high=1 at +0": pytest.approx(1 / 4),
        "high=1 at +1.5": pytest.approx(2 / 3),  # the last row had it before
        "size kept at +1.5": pytest.approx(3 / 4),
    }
    assert found["size kept at +1.5"].standard_error == pytest.approx(math.sqrt(0.25 * 0.75 / 3))
    assert str(found).splitlines()[0] == "judged by a judge of the user's own"
    assert walk("arithmetic", rows, [0.0, 1.5]).scores(JUDGE)["high kept at +1.5"].value == 0.5


def test_what_cannot_be_judged_is_refused() -> None:
    rows = [[[1.0, 0], [1, 0]]]
    with pytest.raises(SettingError, match="against strength 0"):
        walk("arithmetic", rows, [0.5, 1.0]).scores(JUDGE)
    with pytest.raises(SettingError, match="no attribute 'hat'"):
        walk("arithmetic", rows, [0.0, 1.0]).scores(JUDGE, changed={"hat": 1})
    have_it = walk("arithmetic", rows, [0.0, 1.0]).scores(JUDGE, changed={"high": 1})
    assert set(have_it) == {"high=1 at +0", "size kept at +1"}  # no row is left to change


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return ppgen.data.load("digits")


def test_a_judge_of_a_data_set_knows_its_labels_and_is_shown_bits(digits: Dataset) -> None:
    judge = judge_of(digits)
    x = digits.split("test")["x"]
    assert judge.accuracy["y"].value > 0.8
    assert torch.equal(judge.classify(0.2 + 0.6 * x)["y"], judge.classify(x)["y"])
    assert judge.features(x[:3]).shape == (3, 64)
    assert "accuracy on real test data: y 0.8" in str(judge)
