"""Values that an argument of a kind cannot have, drawn: what a signature excludes by its annotation."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.oracles.odd_values import Call

__all__ = ["WRONG", "kinds"]

_NONE_OF_ALL = st.one_of(
    st.binary(max_size=4),
    st.complex_numbers(),
    st.dictionaries(st.integers(), st.integers(), max_size=2),
    st.frozensets(st.integers(), max_size=2),
    st.builds(object),
)
_FRACTIONS = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf]), st.integers(-(2**40), 2**40).map(lambda n: n + 0.5)
)
_BEYOND = st.integers(min_value=2**63) | st.integers(max_value=-1)
_BAD_SIZE = _BEYOND | st.just(0) | _FRACTIONS | st.text(max_size=3) | st.booleans() | st.none()

WRONG: dict[str, st.SearchStrategy[Any]] = {
    "int": st.one_of(_BEYOND, _FRACTIONS, st.text(), st.booleans(), st.lists(st.integers()), _NONE_OF_ALL),
    "float": st.one_of(
        st.sampled_from([math.nan, math.inf, -math.inf]), st.text(), st.lists(st.floats(), max_size=2), _NONE_OF_ALL
    ),
    "bool": st.one_of(st.integers(), st.floats(), st.text(), st.lists(st.booleans(), max_size=2), _NONE_OF_ALL),
    "str": st.one_of(st.integers(), st.floats(), st.lists(st.text(), max_size=2), _NONE_OF_ALL),
    "Sequence[int]": st.one_of(
        st.integers(),
        _FRACTIONS,
        st.text(),
        st.booleans(),
        _NONE_OF_ALL,
        st.tuples(st.lists(st.integers(1, 9), max_size=3), _BAD_SIZE).map(lambda given: [*given[0], given[1]]),
    ),
}
"""By annotation; an optional argument's ``None`` is none of them."""


def kinds(call: Call) -> Iterator[tuple[str, str]]:
    """The arguments of a call whose annotation says what they cannot be, and that annotation without ``None``.

    Args:
        call: of a class or a function.
    """
    function = call.function.__init__ if inspect.isclass(call.function) else call.function
    parameters = inspect.signature(function).parameters
    for name in call.replaced or call.right:
        kind = str(parameters[name].annotation).removesuffix(" | None")
        if kind in WRONG:
            yield name, kind
