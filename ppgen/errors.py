"""The family of errors. Every text says what is wrong, what was expected, what was got, and how to mend it.

Each place of ppgen that raises one has a code (``S041``): a letter for the class and a number that no other place ever
gets. ``ppgen explain S041`` prints what there is to say about it, and docs/errors.md lists all. ``make errors`` numbers
a new place and brings the list up to date.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "CheckpointError",
    "DataError",
    "DeclarationError",
    "DivergenceError",
    "PpgenError",
    "SettingError",
    "Unanswerable",
]


class PpgenError(Exception):
    """The base of all errors that ppgen raises for something a user can mend.

    Args:
        what: where it happened and what is wrong, in one sentence ("x: 3 values are not finite").
        expected: what would have been right.
        got: what was found instead.
        fix: how to mend it, as code where that is possible.
        code: of the place that raises it, by which ``ppgen explain`` knows it; for ppgen's own errors only. The last
            line of the text names it.

    Example:
        >>> print(PpgenError("x has no rows", expected="at least one", fix="load more", code="D001"))
        x has no rows
          expected: at least one
          fix: load more
          more: ppgen explain D001
    """

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        fix: str | None = None,
        code: str | None = None,
    ) -> None:
        what, expected, got, fix = map(_readable, (what, expected, got, fix))
        self.what, self.expected, self.got, self.fix, self.code = what, expected, got, fix, code
        more = f"ppgen explain {code}" if code else None
        parts = [("expected", expected), ("got", got), ("fix", fix), ("more", more)]
        super().__init__("\n".join([what] + [f"  {label}: {text}" for label, text in parts if text]))


class DeclarationError(PpgenError):
    """A model or guide that cannot be what its author meant: an unknown parent, a cycle, a forgotten event dim."""


class DataError(PpgenError, ValueError):
    """Data that the model cannot have generated: wrong shape, dtype or support, not finite, empty."""


class SettingError(PpgenError, ValueError):
    """An argument, option or name that ppgen does not know or that this machine cannot serve."""


class DivergenceError(PpgenError, ArithmeticError):
    """Training met a value that is not finite. Nothing is lost: the weights are those of the last good step."""


class CheckpointError(PpgenError):
    """A run folder or checkpoint that is missing, incomplete, damaged or of another fit."""


class Unanswerable(PpgenError):
    """A question that this model cannot answer, with the reason and the way to get an answer."""


_LONGEST = 480


def _readable(text: Any) -> Any:
    """A part of a text, with its middle left out where nobody would read it: what a user gave may be of any length."""
    if text is None or len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"
