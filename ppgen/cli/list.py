"""``ppgen list``: what there is to choose from, read from the source text, so that it costs no import of torch."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from ppgen import data, zoo
from ppgen.errors import SettingError

__all__ = ["list_", "match", "summaries"]

KINDS = ("models", "guides", "objectives", "datasets")
CONTRACTS = ("__init__", "objective", "derived")
"""Files that say what a member of the family is, and hold none."""


@click.command(name="list")
@click.argument("kind", required=False, type=click.Choice(KINDS))
def list_(kind: str | None) -> None:
    """Show models, guides, objectives and data sets.

    \b
    Examples:
      ppgen list              everything
      ppgen list models       the names that `ppgen fit` takes
      ppgen list datasets     the names that --data takes
    """
    for position, name in enumerate([kind] if kind else KINDS):
        rows = _rows(name)
        width = max(map(len, rows))
        click.echo(("\n" if position else "") + click.style(name, bold=True))
        for item, summary in rows.items():
            click.echo(f"  {item:<{width}}  {summary}")


def _rows(kind: str) -> Mapping[str, str]:
    if kind == "models":
        return {name: zoo.recipe(name).summary for name in zoo.names()}
    return data.describe() if kind == "datasets" else summaries(kind)


def summaries(family: str) -> dict[str, str]:
    """The classes that a family's ``__all__`` lists, with the first sentence of each docstring.

    Args:
        family: the name of its folder (``"guides"``).

    Returns:
        Name to sentence, in the order of the file names; without the classes that define what a member is.

    Example:
        >>> "MeanField" in summaries("guides")
        True
    """
    folder = Path(__file__).parents[1] / family
    trees = {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.py"))}
    lists = [node for node in trees["__init__"].body if isinstance(node, ast.Assign)]
    public = next(ast.literal_eval(node.value) for node in lists if ast.unparse(node.targets[0]) == "__all__")
    nodes = (node for stem, tree in trees.items() if stem not in CONTRACTS for node in tree.body)
    classes = [node for node in nodes if isinstance(node, ast.ClassDef) and node.name in public]
    return {node.name: _first_sentence(ast.get_docstring(node) or "") for node in classes}


def _first_sentence(docstring: str) -> str:
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return paragraph.replace("``", "").rstrip(".")


def match(name: str, known: Iterable[str], what: str, listing: str) -> str:
    """The member of ``known`` that ``name`` means: case, hyphens and underscores do not count.

    Args:
        name: what the user typed (``"mean-field"``).
        known: the names there are (``["MeanField", "Delta"]``).
        what: the kind of thing, for the error text (``"guide"``).
        listing: the command that lists them, for the error text.

    Returns:
        The matching member.

    Raises:
        SettingError: if there is none; the text proposes the nearest.

    Example:
        >>> match("mean-field", ["MeanField", "Delta"], "guide", "ppgen list guides")
        'MeanField'
    """
    plain = {_plain(member): member for member in known}
    if _plain(name) in plain:
        return plain[_plain(name)]
    near = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.5)
    raise SettingError(
        f"unknown {what} {name!r}",
        expected=", ".join(plain.values()),
        got=name,
        fix=f"did you mean {plain[near[0]]!r}?" if near else listing,
        code="S011",
    )


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()
