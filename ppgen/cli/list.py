"""``ppgen list``: what there is to choose from, with one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from ppgen import data, zoo
from ppgen.cli import catalogue

__all__ = ["list_"]

KINDS: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "models": lambda: {name: zoo.recipe(name).summary for name in zoo.names()},
    "guides": lambda: catalogue.summaries("ppgen.guides"),
    "objectives": lambda: catalogue.summaries("ppgen.objectives"),
    "datasets": data.describe,
}


@click.command(name="list")
@click.argument("kind", required=False, type=click.Choice(list(KINDS)))
def list_(kind: str | None) -> None:
    """Show models, guides, objectives and data sets.

    \b
    Examples:
      ppgen list              everything
      ppgen list models       the names that `ppgen fit` takes
      ppgen list datasets     the names that --data takes
    """
    for position, name in enumerate([kind] if kind else list(KINDS)):
        rows = KINDS[name]()
        if position:
            click.echo()
        click.echo(click.style(name, bold=True))
        width = max(map(len, rows), default=0)
        for item, summary in rows.items():
            click.echo(f"  {item:<{width}}  {summary}")
