"""The difference of two densities, data point by data point: how sure it is, and whether it may be ranked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ppgen.errors import DataError, SettingError
from ppgen.estimate import Kind
from ppgen.evaluation import Scorecard, paired_difference
from ppgen.evaluation.paired_difference import paired_interval

vectors = arrays(np.float64, 30, elements=st.floats(-100, 100))


def test_the_interval_is_that_of_a_normal_mean() -> None:
    rng = np.random.default_rng(1)
    differences = rng.normal(0.3, 2.0, size=2000)
    difference, low, high = paired_interval(differences, np.zeros(2000), num_resamples=4000)
    half = 1.96 * differences.std() / np.sqrt(2000)
    assert difference == pytest.approx(differences.mean())
    assert low == pytest.approx(difference - half, abs=0.1 * half)
    assert high == pytest.approx(difference + half, abs=0.1 * half)


def test_intervals_cover_as_often_as_they_claim() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        common = 20.0 * rng.normal(size=60)
        _, low, high = paired_interval(common + rng.normal(0.5, 1.0, 60), common, level=0.9, num_resamples=400)
        hits += low < 0.5 < high
    assert 0.83 < hits / 300 < 0.94


@given(first=vectors, second=vectors)
def test_swapping_flips_the_signs_and_nothing_else(first: np.ndarray, second: np.ndarray) -> None:
    difference, low, high = paired_interval(first, second, num_resamples=200)
    assert paired_interval(second, first, num_resamples=200) == pytest.approx((-difference, -high, -low), abs=1e-9)
    assert low - 1e-9 <= high


def test_many_draws_come_in_chunks() -> None:
    rng = np.random.default_rng(3)
    first = rng.normal(size=3_000)
    _, low, high = paired_interval(first, np.zeros(3_000), num_resamples=1500)  # three chunks of draws
    assert low < first.mean() < high


def test_what_is_not_paired_is_refused() -> None:
    with pytest.raises(DataError, match="paired"):
        paired_interval(np.zeros(3), np.zeros(4))
    with pytest.raises(DataError, match="finite"):
        paired_interval(np.array([0.0, -np.inf]), np.zeros(2))
    with pytest.raises(SettingError, match="level"):
        paired_interval(np.zeros(3), np.zeros(3), level=95)


KINDS: tuple[Kind, ...] = ("exact", "lower bound", "upper bound", "interval", "unbiased", "biased")
EXACT = ("exact", "unbiased")
Maker = Callable[..., Scorecard]


def values(shift: float, seed: int, size: int = 100) -> np.ndarray:
    """Log-densities that share what makes a data point hard, and differ by a little noise of their own."""
    hard = 25.0 * np.random.default_rng(0).normal(size=size)
    return hard + shift + 0.5 * np.random.default_rng(seed).normal(size=size)


@pytest.mark.parametrize(
    ("higher", "lower", "verdict"),
    [
        ("exact", "exact", "higher"),
        ("exact", "unbiased", "higher"),
        ("exact", "upper bound", "higher"),
        ("exact", "lower bound", "bounds only"),
        ("exact", "biased", "cannot be ranked"),
        ("lower bound", "exact", "higher"),
        ("lower bound", "unbiased", "higher"),
        ("lower bound", "upper bound", "higher"),
        ("lower bound", "lower bound", "bounds only"),
        ("lower bound", "interval", "cannot be ranked"),
        ("upper bound", "exact", "bounds only"),
        ("upper bound", "upper bound", "bounds only"),
        ("upper bound", "lower bound", "cannot be ranked"),
        ("upper bound", "biased", "cannot be ranked"),
        ("biased", "exact", "cannot be ranked"),
        ("biased", "upper bound", "cannot be ranked"),
        ("interval", "interval", "cannot be ranked"),
        ("interval", "lower bound", "cannot be ranked"),
    ],
)
def test_the_table_of_kinds(make_card: Maker, higher: Kind, lower: Kind, verdict: str) -> None:
    pair = paired_difference(make_card("a", values(1.0, 1), higher), make_card("b", values(0.0, 2), lower))
    assert pair.low is not None
    assert pair.low > 0.0
    if verdict == "higher":
        assert (pair.verdict, pair.winner, pair.proven) == ("a is higher", "a", True)
    else:
        assert pair.verdict.startswith(f"{verdict}: ")
        assert (pair.winner, pair.proven) == (None, False)


def test_a_difference_that_pairing_alone_reveals(make_card: Maker) -> None:
    first, second = make_card("a", values(0.4, 1)), make_card("b", values(0.0, 2))
    one, other = first.density["log_prob"], second.density["log_prob"]
    assert abs(one.value - other.value) < float(one.standard_error or 0.0)  # hopeless without pairs
    pair = paired_difference(first, second)
    assert pair.winner == "a"
    assert str(pair).startswith("a − b: +0.")


@given(
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    shifts=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    measures=st.tuples(st.sampled_from(["binary", "continuous"]), st.sampled_from(["binary", "continuous"])),
    prints=st.tuples(st.sampled_from(["f00d", "beef"]), st.sampled_from(["f00d", "beef"])),
    told=st.tuples(st.sampled_from(["p(x)", "p(x | y)"]), st.sampled_from(["p(x)", "p(x | y)"])),
)
def test_what_holds_for_every_pair(
    make_card: Maker, kinds: Any, shifts: Any, measures: Any, prints: Any, told: Any
) -> None:
    first, second = (
        make_card(
            "ab"[i], values(shifts[i], i + 1), kinds[i],
            measure=measures[i], fingerprint=prints[i], density_of=told[i],
        )
        for i in range(2)
    )  # fmt: skip
    pair, swapped = paired_difference(first, second), paired_difference(second, first)
    assert pair.winner == swapped.winner
    assert pair.verdict.partition(":")[0] == swapped.verdict.partition(":")[0]
    if measures[0] != measures[1] or prints[0] != prints[1] or told[0] != told[1]:
        assert pair.difference is pair.low is pair.high is None
        assert pair.verdict.startswith("cannot be ranked: ")
        assert not pair.proven
        return
    assert (pair.difference, pair.low, pair.high) == pytest.approx(
        (-(swapped.difference or 0.0), -(swapped.high or 0.0), -(swapped.low or 0.0))
    )
    if pair.winner is not None:
        top, bottom = (0, 1) if pair.winner == "a" else (1, 0)
        assert kinds[top] in (*EXACT, "lower bound")  # the winner is at least what is shown ...
        assert kinds[bottom] in (*EXACT, "upper bound")  # ... and the other at most
        assert (pair.low or 0.0) * (pair.high or 0.0) > 0.0
        assert shifts[top] > shifts[bottom] - 0.5
    if kinds == ("lower bound", "lower bound") or kinds == ("upper bound", "upper bound"):
        assert not pair.proven
    if set(kinds) <= set(EXACT):
        assert pair.proven == ((pair.low or 0.0) * (pair.high or 0.0) > 0.0)


def test_an_interval_around_zero(make_card: Maker) -> None:
    pair = paired_difference(make_card("a", values(0.0, 1)), make_card("b", values(0.0, 2)), level=0.99)
    assert pair.verdict == "cannot be ranked: the 99 % interval of the difference includes 0"
    same = make_card("a", values(0.0, 1))
    assert not paired_difference(same, dataclasses.replace(same, name="b")).proven
    assert "+0.00 [+0.00, +0.00]" in str(paired_difference(same, same))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": None}, "b has no density (implicit model)"),
        ({"fingerprint": "beef"}, "the test data differ"),
        ({"measure": "continuous"}, "the measures differ (binary, continuous)"),
        ({"density_of": "p(x | y)"}, "a has a density p(x), b one p(x | y)"),
    ],
)
def test_why_not(make_card: Maker, change: dict[str, Any], reason: str) -> None:
    first = make_card("a", values(1.0, 1), density_of="p(x)")
    second = make_card("b", **{"values": values(0.0, 2), "density_of": "p(x)", **change})
    pair = paired_difference(first, second)
    assert reason in pair.verdict
    assert str(pair) == f"a − b: {pair.verdict}"


def test_values_that_were_not_kept_or_are_too_few(make_card: Maker) -> None:
    first = make_card("a", values(1.0, 1))
    bare = dataclasses.replace(make_card("b", values(0.0, 2)), per_datum=None)
    assert "b has kept no values" in paired_difference(first, bare).verdict
    short = make_card("b", values(0.0, 2)[:50])
    assert "numbers of data points differ (100, 50)" in paired_difference(first, short).verdict
    few = [make_card(name, values(shift, 1, size=9)) for name, shift in (("a", 1.0), ("b", 0.0))]
    assert "9 data points are too few" in paired_difference(*few).verdict
    bits = first.density["log_prob"].bits_per_dim(64)
    other_unit = dataclasses.replace(make_card("b", values(0.0, 2)), density={"log_prob": bits})
    assert "the units differ" in paired_difference(first, other_unit).verdict
