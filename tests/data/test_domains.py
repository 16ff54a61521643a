"""Orders of unpaired domains: how often each row comes, and that no domain knows of another."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ppgen.data.domains import Together, draw_orders, joined, name_in
from ppgen.data.transforms import DynamicBinarize, ToFloat


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 50), min_size=1), st.integers(0, 2**32))
def test_every_row_comes_equally_often_up_to_one(sizes, seed):
    orders = draw_orders(sizes, torch.Generator().manual_seed(seed))
    longest = max(sizes.values())
    for domain, size in sizes.items():
        counts = orders[domain].bincount(minlength=size)
        assert len(counts) == size
        assert len(orders[domain]) == longest
        assert set(counts.tolist()) <= {longest // size, -(-longest // size)}
        for start in range(0, longest, size):  # each time anew, no row comes again before all others have
            piece = orders[domain][start : start + size]
            assert len(piece.unique()) == len(piece)


def test_two_permutations_are_independent():
    """Of 3! x 3! pairs of orders each is as likely: about 50 times in 1800, give or take 7."""
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_orders({"a": 3, "b": 3}, generator) for _ in range(1800)]
    counts = Counter((tuple(orders["a"].tolist()), tuple(orders["b"].tolist())) for orders in drawn)
    assert len(counts) == 36
    chi_square = sum((count - 50) ** 2 / 50 for count in counts.values())
    assert chi_square < 66.6  # which 35 degrees of freedom exceed once in a thousand


def test_one_domain_takes_the_draws_of_one_permutation():
    one, other = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    assert torch.equal(draw_orders({"": 17}, one)[""], torch.randperm(17, generator=other))
    assert torch.equal(one.get_state(), other.get_state())


@pytest.mark.parametrize(
    ("column", "name"),
    [("x", "a"), ("x_lengths", "a_lengths"), ("y", "a_y"), ("xs", "a_xs"), ("left_eye", "a_left_eye")],
)
def test_names_beside_other_domains(column, name):
    assert name_in("a", column) == name


def test_transforms_see_their_own_domain_only():
    grey = torch.full((200, 4), 128, dtype=torch.uint8)
    stored = {"a": {"x": grey}, "b": {"x": grey, "y": torch.arange(200)}, "c": {"x": grey + 0.5}}
    transform = Together(
        {"a": DynamicBinarize(), "b": ToFloat(128.0), "c": None}, {k: tuple(v) for k, v in stored.items()}
    )
    seen = transform(joined(stored), torch.Generator().manual_seed(0))
    assert list(seen) == ["a", "b", "b_y", "c"]
    assert torch.equal(seen["a"], DynamicBinarize()({"x": grey}, torch.Generator().manual_seed(0))["x"])
    assert bool((seen["b"] == 1.0).all())
    assert torch.equal(seen["c"], stored["c"]["x"])
    assert transform.random
    assert not Together({"b": ToFloat(), "c": None}, {"b": ("x",), "c": ("x",)}).random
