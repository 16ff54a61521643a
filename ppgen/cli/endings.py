"""How a command ends that does not end well: an error in plain text, or Ctrl-C."""

from __future__ import annotations

from typing import IO, Any

import click

from ppgen.errors import PpgenError

__all__ = ["Interrupted", "Refusal"]


class Refusal(click.ClickException):
    """A ppgen error as a user reads it: the text on stderr, no traceback, exit code 2 like click's own usage errors."""

    exit_code = 2

    def __init__(self, error: PpgenError) -> None:
        super().__init__(str(error))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the text; ``file`` is stderr by default."""
        what, _, rest = self.message.partition("\n")
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {what}", file=file, err=file is None)
        if rest:
            click.echo(rest, file=file, err=file is None)


class Interrupted(click.ClickException):
    """Ctrl-C: exit code 130 (128 + SIGINT), as shells expect."""

    exit_code = 130

    def __init__(self, advice: str = "") -> None:
        super().__init__(f"Interrupted. {advice}".strip())

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message; ``file`` is stderr by default."""
        click.echo(self.message, file=file, err=file is None)
