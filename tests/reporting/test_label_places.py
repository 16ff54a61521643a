"""Places are set apart as far as asked, no further than needed, and those far from all others do not move."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ppgen.reporting.label_places import set_apart

COORDINATES = st.floats(-3, 3, allow_subnormal=False)


@settings(max_examples=40)
@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=8))
def test_all_pairs_keep_the_distance(places: list[tuple[float, float]]) -> None:
    found = set_apart(np.array(places), least=0.5)
    distances = np.linalg.norm(found[:, None] - found, axis=-1)[np.triu_indices(len(places), 1)]
    assert distances.min(initial=0.5) >= 0.49
    np.testing.assert_allclose(found.mean(axis=0), np.mean(places, axis=0), atol=1e-9)  # nobody is favoured


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=8, unique=True))
def test_far_places_stay(along: list[int]) -> None:
    places = np.stack([along, along], axis=1)
    np.testing.assert_array_equal(set_apart(places, least=1.0), places)
