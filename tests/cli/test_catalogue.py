"""What is listed without importing is what there is."""

from __future__ import annotations

import inspect

import pytest

import ppgen
from ppgen.cli.catalogue import match, summaries
from ppgen.errors import SettingError


def test_guides_listed_are_the_guides_there_are() -> None:
    concrete = {name for name in ppgen.guides.__all__ if not inspect.isabstract(getattr(ppgen.guides, name))}
    assert set(summaries("ppgen.guides")) == concrete


def test_objectives_listed_are_the_objectives_there_are() -> None:
    members = {name: getattr(ppgen.objectives, name) for name in ppgen.objectives.__all__}
    concrete = {
        name
        for name, member in members.items()
        if inspect.isclass(member) and issubclass(member, ppgen.objectives.Objective) and not inspect.isabstract(member)
    }
    assert set(summaries("ppgen.objectives")) == concrete


def test_every_entry_has_a_sentence() -> None:
    for package in ("ppgen.guides", "ppgen.objectives"):
        for sentence in summaries(package).values():
            assert sentence
            assert "`" not in sentence


@pytest.mark.parametrize("name", ["MeanField", "mean-field", "mean_field", "MEANFIELD"])
def test_case_and_hyphens_do_not_count(name: str) -> None:
    assert match(name, ["Delta", "MeanField"], "guide", "ppgen list guides") == "MeanField"


def test_the_nearest_is_proposed() -> None:
    with pytest.raises(SettingError, match="did you mean 'MeanField'"):
        match("meanfeild", ["Delta", "MeanField"], "guide", "ppgen list guides")
    with pytest.raises(SettingError, match="ppgen list guides"):
        match("xyz", ["Delta", "MeanField"], "guide", "ppgen list guides")
