from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgen.estimate import Estimate, Kind
from ppgen.evaluation import DataSplit, Scorecard, Standing, compare, paired_difference
from tests.oracles.cards import card_of

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
    assert pair.winner == ("a" if verdict == "higher" else None)
    assert pair.bounds_only == (verdict == "bounds only")
    assert pair.verdict.startswith("a is higher" if verdict == "higher" else f"{verdict}: ")


def test_a_difference_that_pairing_alone_reveals(make_card: Maker) -> None:
    first, second = make_card("a", values(0.4, 1)), make_card("b", values(0.0, 2))
    one, other = first["density"]["log_prob"], second["density"]["log_prob"]
    assert abs(one.value - other.value) < float(one.standard_error or 0.0)  # hopeless without pairs
    pair = paired_difference(first, second)
    assert pair.winner == "a"
    assert str(pair).startswith("a − b: +0.")


@given(
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    shifts=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)
def test_what_holds_for_every_pair(make_card: Maker, kinds: Any, shifts: Any) -> None:
    first, second = (make_card("ab"[i], values(shifts[i], i + 1), kinds[i]) for i in range(2))
    pair, swapped = paired_difference(first, second), paired_difference(second, first)
    assert pair.winner == swapped.winner
    assert pair.bounds_only == swapped.bounds_only
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
        assert pair.winner is None
    if set(kinds) <= set(EXACT):
        assert (pair.winner is not None) == ((pair.low or 0.0) * (pair.high or 0.0) > 0.0)


def test_an_interval_around_zero(make_card: Maker) -> None:
    pair = paired_difference(make_card("a", values(0.0, 1)), make_card("b", values(0.0, 2)), level=0.99)
    assert pair.verdict == "cannot be ranked: the 99 % interval of the difference includes 0"
    same = make_card("a", values(0.0, 1))
    assert not paired_difference(same, dataclasses.replace(same, name="b")).winner
    assert "+0.00 [+0.00, +0.00]" in str(paired_difference(same, same))


def test_what_a_few_data_points_decide_is_not_ranked(make_card: Maker) -> None:
    rare = values(0.0, 1)
    rare[:2] += 50.0
    rare += 0.2
    pair = paired_difference(make_card("a", rare), make_card("b", values(0.0, 2)))
    assert pair.low is not None
    assert pair.low > 0
    assert pair.verdict == "cannot be ranked: the differences have heavy tails: a few data points decide their mean"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": None}, "b has no density (implicit model)"),
        ({"fingerprint": "beef"}, "the test data differ"),
        ({"measure": "continuous"}, "the measures differ (binary, continuous)"),
        ({"of": "p(x | y)"}, "a has a density p(x), b one p(x | y)"),
        ({"of": ""}, "a has a density p(x), b one that it does not name"),
    ],
)
def test_why_not(make_card: Maker, change: dict[str, Any], reason: str) -> None:
    first = make_card("a", values(1.0, 1), of="p(x)")
    second = make_card("b", **{"values": values(0.0, 2), "of": "p(x)", **change})
    pair = paired_difference(first, second)
    assert reason in pair.verdict
    assert pair.difference is pair.low is pair.high is pair.winner is None
    assert str(pair) == f"a − b: {pair.verdict}"


def test_values_that_were_not_kept_or_are_too_few(make_card: Maker) -> None:
    first = make_card("a", values(1.0, 1))
    bare = dataclasses.replace(make_card("b", values(0.0, 2)), per_datum=None)
    assert "b has kept no values" in paired_difference(first, bare).verdict
    short = make_card("b", values(0.0, 2)[:50])
    assert "numbers of data points differ (100, 50)" in paired_difference(first, short).verdict
    sized = [
        card_of(name, first.data, first.fingerprint, per_datum=first.per_datum,
                density={"log_prob": dataclasses.replace(first["density"]["log_prob"], num_dims=num_dims)})
        for name, num_dims in (("a", 784), ("b", 392), ("c", 0))
    ]  # fmt: skip
    assert "a's density counts 784 dimensions, b's 392" in paired_difference(*sized[:2]).verdict
    assert paired_difference(*sized[1:]).difference == 0.0  # where one does not say, nothing differs
    few = [make_card(name, values(shift, 1, size=19)) for name, shift in (("a", 1.0), ("b", 0.0))]
    assert "19 data points are too few" in paired_difference(*few).verdict
    bits = first["density"]["log_prob"].bits_per_dim(64)
    other_unit = card_of("b", first.data, first.fingerprint, density={"log_prob": bits}, per_datum=first.per_datum)
    assert "the units differ" in paired_difference(first, other_unit).verdict


def ranks(make_card: Maker, **cards: tuple[float, str]) -> dict[str, str]:
    made = {name: make_card(name, values(shift, i), kind) for i, (name, (shift, kind)) in enumerate(cards.items())}
    return {standing.name: standing.rank for standing in compare(made).ranking()}


def test_exact_values_are_ranked_one_by_one(make_card: Maker) -> None:
    found = ranks(make_card, low=(0.0, "exact"), high=(2.0, "exact"), middle=(1.0, "exact"))
    assert list(found.items()) == [("high", "1"), ("middle", "2"), ("low", "3")]


def test_lower_bounds_leave_the_order_open(make_card: Maker) -> None:
    assert ranks(make_card, a=(0.0, "lower bound"), b=(2.0, "lower bound")) == {"b": "1 to 2", "a": "1 to 2"}


def test_a_bound_above_an_exact_value_wins_and_one_below_does_not_lose(make_card: Maker) -> None:
    found = ranks(make_card, pixelcnn=(1.0, "exact"), good=(2.0, "lower bound"), bad=(0.0, "lower bound"))
    assert found == {"good": "1 to 2", "pixelcnn": "2 to 3", "bad": "1 to 3"}


def test_groups_that_do_not_compare_are_ranked_apart(make_card: Maker) -> None:
    cards = {
        "a": make_card("a", values(0.0, 1)),
        "b": make_card("b", values(1.0, 1)),
        "c": make_card("c", values(5.0, 1), measure="continuous"),
        "d": make_card("d", values(7.0, 1), measure="continuous"),
        "e": make_card("e", values(9.0, 1), of="p(x | y)"),
        "gan": make_card("gan", None),
    }
    found = compare(cards).ranking()
    assert [(s.name, s.rank) for s in found] == [
        ("b", "1"), ("a", "2"), ("d", "1"), ("c", "2"), ("e", "no rank"), ("gan", "no rank"),
    ]  # fmt: skip
    assert "binary" in found[0].group
    assert "continuous" in found[2].group
    assert "p(x | y)" in found[4].reason
    assert found[5].reason == "implicit model"
    assert str(found[0]) == "b: rank 1"
    assert str(found[5]) == "gan: no rank: implicit model"


def test_one_model_alone(make_card: Maker) -> None:
    (only,) = compare({"a": make_card("a", values(0.0, 1))}).ranking()
    assert only == Standing("a", estimate=only.estimate, reason="there is nothing to compare it with")


def test_a_card_with_an_elbo_alone_lacks_log_p_and_not_every_density() -> None:
    bound = Estimate(-20.0, 0.1, kind="lower bound", unit="nats")
    card = card_of("a", DataSplit("toy", 50), "f00d", density={"elbo": bound})
    (only,) = compare({"a": card}).ranking()
    assert only.reason == "no log p was measured"


@given(
    entries=st.lists(
        st.tuples(st.floats(-2, 2), st.sampled_from(["exact", "lower bound", "upper bound", "biased"])),
        min_size=2,
        max_size=5,
    )
)
def test_rank_intervals_hold_every_order_that_is_not_excluded(
    make_card: Maker, entries: list[tuple[float, str]]
) -> None:
    cards = {f"m{i}": make_card(f"m{i}", values(shift, i), kind) for i, (shift, kind) in enumerate(entries)}
    comparison = compare(cards)
    standings = {standing.name: standing for standing in comparison.ranking()}
    assert all(1 <= (s.best or 0) <= (s.worst or 0) <= len(cards) for s in standings.values())
    lost = {(p.second if p.winner == p.first else p.first, p.winner) for p in comparison.pairs if p.winner}
    for order in itertools.permutations(cards):
        if any(order.index(loser) < order.index(str(winner)) for loser, winner in lost):
            continue
        for place, name in enumerate(order, start=1):
            assert (standings[name].best or 0) <= place <= (standings[name].worst or 0)
