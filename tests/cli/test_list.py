"""`ppgen list` shows all that there is, read without importing it."""

from __future__ import annotations

import inspect

import pytest

from ppgen import data, guides, objectives, zoo
from ppgen.cli.list import match, summaries
from ppgen.errors import SettingError
from tests.cli.conftest import Ppgen

GUIDES = {name for name in guides.__all__ if not inspect.isabstract(getattr(guides, name))}
CLASSES = {name: member for name, member in vars(objectives).items() if inspect.isclass(member)}
OBJECTIVES = {name for name, c in CLASSES.items() if issubclass(c, objectives.Objective) and not inspect.isabstract(c)}
KINDS = {"models": set(zoo.names()), "guides": GUIDES, "objectives": OBJECTIVES, "datasets": set(data.names())}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_with_a_line_an_entry(ppgen: Ppgen, kind: str) -> None:
    shown = ppgen("list", kind).stdout
    title, *lines = shown.splitlines()
    assert title == kind
    assert {line.split()[0] for line in lines} == KINDS[kind]
    assert all(len(line.split()) > 2 for line in lines)
    assert "`" not in shown
    assert shown in ppgen("list").stdout, "everything by default"


@pytest.mark.parametrize("name", ["MeanField", "mean-field", "mean_field", "MEANFIELD"])
def test_case_and_hyphens_do_not_count(name: str) -> None:
    assert match(name, summaries("guides"), "guide", "ppgen list guides") == "MeanField"


def test_the_nearest_is_proposed() -> None:
    with pytest.raises(SettingError, match="did you mean 'MeanField'"):
        match("meanfeild", ["Delta", "MeanField"], "guide", "ppgen list guides")
    with pytest.raises(SettingError, match="ppgen list guides"):
        match("xyz", ["Delta", "MeanField"], "guide", "ppgen list guides")
