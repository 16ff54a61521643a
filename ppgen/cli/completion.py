"""What a shell offers after a tab: names of recipes, data sets and the like, and run folders; torch is not imported.

Every function takes what click hands to ``shell_complete=``. Where a path may stand as well, the shell's own names of
files are offered once no name begins as the word does.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ppgen import data, zoo
from ppgen.cli.list import summaries

__all__ = ["data_sets", "guides", "objectives", "recipes", "runs"]

Items = list[CompletionItem]
Completer = Callable[[click.Context, click.Parameter, str], Items]


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Run folders whose path begins as the word does, those inside folders of runs among them; each is offered once.

    Args:
        context: of the command.
        parameter: to be completed.
        incomplete: what is typed of the word.
    """
    path = Path(incomplete)
    place, start = (path, "") if incomplete.endswith("/") else (path.parent, glob.escape(path.name))
    found = {file.parent for inside in ("", "*/") for file in place.glob(f"{start}*/{inside}run.json")}
    taken = context.params.get(str(parameter.name)) or ()
    words = [str(run) for run in sorted(found) if not (isinstance(taken, (list, tuple)) and str(run) in taken)]
    return list(map(CompletionItem, words)) or [CompletionItem(incomplete, type="dir")]


def _names(known: Callable[[], Mapping[str, str]]) -> Completer:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
        found = [CompletionItem(name, help=text) for name, text in known().items() if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]

    return complete


def _in_words(family: str) -> Callable[[], Mapping[str, str]]:
    """The classes of a family, as an option takes them: ``MeanField`` as ``mean-field``."""
    return lambda: {re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower(): text for name, text in summaries(family).items()}


recipes = _names(lambda: {name: zoo.recipe(name).summary for name in zoo.names()})
data_sets = _names(lambda: data.describe())
guides = _names(_in_words("guides"))
objectives = _names(_in_words("objectives"))
