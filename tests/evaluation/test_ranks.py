from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ppgen.evaluation import Scorecard, compare
from ppgen.evaluation.ranks import Standing

Maker = Callable[..., Scorecard]


def values(shift: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(size=60) + shift + 0.1 * np.random.default_rng(seed).normal(size=60)


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
        "a": make_card("a", values(0.0)),
        "b": make_card("b", values(1.0)),
        "c": make_card("c", values(5.0), measure="continuous"),
        "d": make_card("d", values(7.0), measure="continuous"),
        "e": make_card("e", values(9.0), density_of="p(x | y)"),
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
    (only,) = compare({"a": make_card("a", values(0.0))}).ranking()
    assert only == Standing("a", estimate=only.estimate, reason="there is nothing to compare it with")


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
    lost = {(p.second if p.winner == p.first else p.first, p.winner) for p in comparison.pairs if p.proven}
    for order in itertools.permutations(cards):
        if any(order.index(loser) < order.index(str(winner)) for loser, winner in lost):
            continue
        for place, name in enumerate(order, start=1):
            assert (standings[name].best or 0) <= place <= (standings[name].worst or 0)
