"""A bar for draws that take long: asked for above, shown where positions are counted."""

from __future__ import annotations

__all__ = ["progress_of_draws", "ticking"]

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_shown: ContextVar[bool] = ContextVar("_shown", default=False)


@contextlib.contextmanager
def progress_of_draws(shown: bool = True) -> Iterator[None]:
    """A block in which autoregressive draws show a bar, a tick for each position.

    Between the one who asks for draws and the distribution that makes them lies Pyro, which hands no such wish on.

    Args:
        shown: whether there is a bar.

    Example:
        >>> with progress_of_draws(False):
        ...     pass
    """
    token = _shown.set(shown)
    try:
        yield
    finally:
        _shown.reset(token)


@contextlib.contextmanager
def ticking(total: int) -> Iterator[Callable[[], object]]:
    """What a draw calls after each position.

    Args:
        total: how many positions, over all pieces of the draw.
    """
    if not _shown.get():
        yield lambda: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, leave=False, unit="position") as bar:
        yield bar.update
