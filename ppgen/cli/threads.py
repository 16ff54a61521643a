"""How many cores a command computes on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from ppgen.errors import SettingError

__all__ = ["limited_to", "threads_option"]

F = TypeVar("F", bound=Callable[..., Any])


def threads_option(default: int | None = None) -> Callable[[F], F]:
    """Add ``--threads`` to a command."""
    note = "" if default else "  [default: all cores]"
    help_text = f"CPU threads; one is best for small networks, and on a busy machine.{note}"
    return click.option("--threads", type=int, default=default, show_default=default is not None, help=help_text)


@contextlib.contextmanager
def limited_to(threads: int | None) -> Iterator[None]:
    """Compute on so many threads inside the block; ``None`` leaves their number as it is.

    Threads wait for each other by spinning: where another program holds one of the cores, two can take twenty times
    as long as one. Results depend on their number in the last digits, so a resumed run needs the same.

    Raises:
        SettingError: on fewer than one.
    """
    if threads is None:
        yield
        return
    if threads < 1:
        raise SettingError("--threads is out of range", expected="at least 1", got=str(threads), fix="--threads 1")
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
