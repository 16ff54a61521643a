"""A pool shows old draws half of the time, keeps each draw in one place, and is restored with the fit."""

from __future__ import annotations

import torch

from ppgen.objectives.image_pool import ImagePool


def test_what_it_shows_and_keeps_are_the_draws_and_each_once() -> None:
    torch.manual_seed(0)
    pool, given, shown = ImagePool(8, (1,)), [], []
    for step in range(40):
        drawn = torch.arange(5.0).add(1 + 5 * step).unsqueeze(1)
        given += drawn.flatten().tolist()
        shown += pool(drawn).flatten().tolist()
    kept = pool.images[pool.taken].flatten().tolist()
    # While the pool fills up, a draw is both shown and kept: it is shown once more when it leaves.
    twice = sorted(shown + kept)
    assert set(twice) == set(given)
    assert len(twice) - len(set(twice)) == 8, "one for each place"


def test_half_of_what_a_full_pool_shows_is_old() -> None:
    torch.manual_seed(0)
    pool = ImagePool(100, (1,))
    pool(torch.zeros(100, 1))
    old = sum(int((pool(torch.full((10, 1), float(step))) < step).sum()) for step in range(1, 401))
    assert abs(old / 4000 - 0.5) < 3 * (0.25 / 4000) ** 0.5


def test_a_batch_larger_than_the_pool_is_shown_whole() -> None:
    pool, drawn = ImagePool(2, (3,)), torch.randn(5, 3)
    assert torch.equal(pool(drawn), drawn)
    assert int(pool.taken.sum()) == 2


def test_its_draws_and_places_are_its_state() -> None:
    torch.manual_seed(0)
    one, other = ImagePool(4, (2,)), ImagePool(4, (2,))
    one(torch.randn(3, 2))
    other.load_state_dict(one.state_dict())
    state, drawn = torch.get_rng_state(), torch.randn(3, 2)
    first = one(drawn)
    torch.set_rng_state(state)
    torch.randn(3, 2)
    assert torch.equal(first, other(drawn))
    assert torch.equal(one.images, other.images)
