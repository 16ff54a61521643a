"""The catalogue: what is true of every line, and that it needs no torch."""

from __future__ import annotations

import pytest

import ppgen.data
from ppgen.data.catalogue import CATALOGUE, entry
from ppgen.data.loading import _READERS
from ppgen.errors import SettingError


def test_every_name_has_a_reader_and_a_description():
    assert set(ppgen.data.names()) == set(_READERS) == set(ppgen.data.describe())


@pytest.mark.parametrize(("typo", "meant"), [("digit", "digits"), ("minst", "mnist"), ("cifar", "cifar10")])
def test_a_typo_is_answered_with_the_nearest_name(typo, meant):
    with pytest.raises(SettingError, match=f'fix: data="{meant}"'):
        entry(typo)


@pytest.mark.parametrize("name", ["digits", "glyphs", "glyphs-grid", "sprites", "sprites64", "line", "ring"])
def test_shape_and_sizes_are_those_of_the_data(name):
    data, line = ppgen.data.load(name), CATALOGUE[name]
    assert data.x_shape == line.shape
    assert tuple(data.size(split) for split in ("train", "valid", "test")) == line.sizes


def test_every_public_name_resolves():
    for name in ppgen.data.__all__:
        assert callable(getattr(ppgen.data, name))
    assert dir(ppgen.data) == sorted(ppgen.data.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ppgen.data.nothing  # noqa: B018
