"""The family of errors. Every text says what is wrong, what was expected, what was got, and how to mend it."""

from __future__ import annotations

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
    """

    def __init__(
        self, what: str, *, expected: str | None = None, got: str | None = None, fix: str | None = None
    ) -> None:
        self.what, self.expected, self.got, self.fix = what, expected, got, fix
        parts = [("expected", expected), ("got", got), ("fix", fix)]
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
