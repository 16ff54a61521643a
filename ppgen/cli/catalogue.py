"""What the package offers, read from its source text: naming the guides costs no import of torch."""

from __future__ import annotations

import ast
import difflib
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from ppgen.errors import SettingError

__all__ = ["match", "summaries"]

CONTRACTS = ("__init__", "objective", "derived")
"""Files that say what a member of the family is, and hold none."""


def summaries(package: str) -> dict[str, str]:
    """The classes that a family package offers, with the first sentence of each docstring.

    They are the classes that the package's ``__all__`` lists, without those that define what a member is.

    Args:
        package: a dotted name whose parent is light to import (``"ppgen.guides"``).

    Returns:
        Name to sentence, in the order of the file names.

    Example:
        >>> "MeanField" in summaries("ppgen.guides")
        True
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(next(iter(spec.submodule_search_locations)))
    public = _public_names(_parse(folder / "__init__.py"))
    found: dict[str, str] = {}
    for file in sorted(folder.glob("*.py")):
        if file.stem in CONTRACTS:
            continue
        for node in _parse(file).body:
            if isinstance(node, ast.ClassDef) and node.name in public:
                found[node.name] = _first_sentence(ast.get_docstring(node) or "")
    return found


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
    )


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _public_names(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def _first_sentence(docstring: str) -> str:
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return paragraph.replace("``", "").rstrip(".")
