"""Files that commands write: pictures and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ppgen.errors import SettingError

__all__ = ["PICTURES", "verify_output"]

PICTURES = (".png", ".svg", ".pdf")


def verify_output(output: Path, known: Sequence[str]) -> None:
    """Refuse a file of a kind that the command does not write.

    Args:
        output: the file.
        known: suffixes.

    Raises:
        SettingError: listing them.
    """
    if output.suffix not in known:
        raise SettingError(
            f"-o {output}: unknown kind of file",
            expected=", ".join(known),
            got=output.suffix or "no suffix",
            fix=f"-o {output.with_suffix('.png')}",
            code="S015",
        )
