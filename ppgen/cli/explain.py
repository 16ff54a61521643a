"""``ppgen explain``: what there is to say about an error, by the code that its last line names."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ppgen import errors
from ppgen.errors import SettingError

__all__ = ["explain"]

TABLE = Path(errors.__file__).with_name("errors.json")
"""Written by docs/build_errors.py."""


@click.command()
@click.argument("code")
def explain(code: str) -> None:
    """Say what an error means and how to mend it.

    CODE stands in the error's last line, and in Python is `error.code`. docs/errors.md lists all.

    \b
    Examples:
      ppgen explain S001
    """
    known = json.loads(TABLE.read_text(encoding="utf-8"))
    key = code.strip("[]").upper()
    if key not in known:
        raise SettingError(
            f"explain: no error has the code {code!r}",
            expected="a letter and three digits, as the last line of an error has them",
            got=code,
            fix=f"ppgen explain {next(iter(known))}",
            code="S008",
        )
    entry = known[key]
    parts = {part: entry.get(part) for part in ("what", "expected", "got", "fix")}
    about = " ".join((getattr(errors, entry["class"]).__doc__ or "").split())
    click.echo(f"{click.style(key, bold=True)}, a {entry['class']}\n\n{errors.PpgenError(**parts)}\n\n{about}")
    click.echo("Words in braces stand for what was put in, and a stroke separates the forms that a text has.")
    if entry.get("retired"):
        click.echo(f"This version of ppgen no longer raises it; {entry['function']} in {entry['file']} did.")
    else:
        click.echo(f"It is raised by {entry['function']} in {entry['file']}.")
