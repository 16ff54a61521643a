"""Accessors: the facade's table adds to classes of lower rooms, and what it names is there."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys

import pytest

import ppgen
from ppgen.accessors import HasAccessors


class Thing(HasAccessors):
    """One of our own."""


class Kind(Thing):
    """What inherits from it."""


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner in ppgen.ACCESSORS for name in ppgen.ACCESSORS[owner]]
)
def test_every_accessor_of_the_table_is_public_in_its_room(owner: str, name: str) -> None:
    module, _, member = ppgen.ACCESSORS[owner][name].partition(":")
    assert member in importlib.import_module(module).__all__


def test_a_function_of_the_table_becomes_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"Thing": {"copied": "copy:copy"}}
    monkeypatch.setattr(ppgen, "ACCESSORS", table)
    thing = Kind()
    assert {"copied"} <= set(dir(thing))
    assert type(thing.copied()) is Kind
    with pytest.raises(AttributeError, match="'Kind' object has no attribute 'drawn'"):
        thing.drawn  # noqa: B018
    assert type(pickle.loads(pickle.dumps(thing))) is Kind


def test_a_fit_is_drawn_without_matplotlib_until_it_is() -> None:
    code = "import sys, ppgen.fitted; sys.exit(bool({'matplotlib', 'ppgen.reporting'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
