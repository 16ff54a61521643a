"""What the tests of declarations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from ppgen.errors import PpgenError

Refuses = Callable[..., AbstractContextManager[None]]


@contextmanager
def refusal(kind: type[PpgenError], *words: str) -> Iterator[None]:
    """The block must raise exactly this error, with all four parts, and these words in its text."""
    with pytest.raises(PpgenError) as caught:
        yield
    error = caught.value
    assert type(error) is kind, f"{type(error).__name__}: {error}"
    assert error.what
    assert error.expected, str(error)
    assert error.got, str(error)
    assert error.fix, str(error)
    for word in words:
        assert word in str(error), f"{word!r} is not in\n{error}"


@pytest.fixture
def refuses() -> Refuses:
    return refusal
