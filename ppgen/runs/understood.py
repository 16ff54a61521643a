"""What is read from a run folder may be anybody's: whatever goes wrong as it is made use of is an error of its file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ppgen.errors import CheckpointError, PpgenError

__all__ = ["understood"]


@contextlib.contextmanager
def understood(path: Path) -> Iterator[None]:
    """A block that makes use of what a file says.

    Args:
        path: of the file.

    Raises:
        CheckpointError: naming the file, for every exception that is not ppgen's own.
    """
    try:
        yield
    except PpgenError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{path}: damaged",
            expected="what ppgen.fit wrote",
            got=f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}",
            fix="restore it from a copy, or fit again",
            code="C025",
        ) from error
