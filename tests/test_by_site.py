from __future__ import annotations

import copy

import pytest
import torch

from ppgen.by_site import BySite
from ppgen.errors import SettingError

TWO = BySite(z=torch.zeros(3, 2), y=torch.ones(3, dtype=torch.int64))


def test_it_is_a_dictionary_that_prints_shapes() -> None:
    assert dict(TWO) == {"z": TWO["z"], "y": TWO["y"]}
    assert repr(TWO) == "BySite(z: [3, 2] float32, y: [3] int64)"
    assert copy.deepcopy(TWO).keys() == TWO.keys()


def test_one_site_is_taken_by_its_name_or_as_the_only_one() -> None:
    assert TWO.at("y") is TWO["y"]
    assert BySite(x=TWO["z"]).only is TWO["z"]


@pytest.mark.parametrize(("answer", "words"), [(TWO, "2 sites.*z, y"), (BySite(), "no site.*none")])
def test_only_names_the_sites_where_there_is_no_only_one(answer: BySite, words: str) -> None:
    with pytest.raises(SettingError, match=f"(?s){words}"):
        answer.only  # noqa: B018


@pytest.mark.parametrize(("answer", "words"), [(TWO, "'w'.*'z' or 'y'.*site='z'"), (BySite(), "'w'.*no site at all")])
def test_an_unknown_site_is_refused_with_those_that_there_are(answer: BySite, words: str) -> None:
    with pytest.raises(SettingError, match=f"(?s){words}"):
        answer.at("w")


def test_what_a_tensor_has_is_refused_with_the_way_to_the_tensor() -> None:
    with pytest.raises(AttributeError, match=r"'shape'.*\(z, y\).*\.only"):
        TWO.shape  # noqa: B018
