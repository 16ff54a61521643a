"""What is drawn once is read from then on, whole or not at all."""

from __future__ import annotations

import pytest
import torch

from ppgen.data.drawn_cache import columns_hash, drawn_once

COLUMNS = {"x": torch.arange(12, dtype=torch.uint8).reshape(3, 4), "a": torch.tensor([0.5, 1.5, 2.5])}


def refuse():
    raise AssertionError("drawn although it is in the cache")


@pytest.fixture
def kept(tmp_path):
    drawn_once("set", "seed 0", lambda: COLUMNS, tmp_path)
    return tmp_path


def test_what_is_read_is_what_was_drawn_in_the_same_order(kept):
    columns, its_hash = drawn_once("set", "seed 0", refuse, kept)
    assert list(columns) == ["x", "a"]
    assert all(torch.equal(columns[key], COLUMNS[key]) and columns[key].dtype == COLUMNS[key].dtype for key in COLUMNS)
    assert its_hash == columns_hash(COLUMNS)


def test_another_recipe_is_another_file(kept):
    other = {"x": COLUMNS["x"] + 1}
    assert torch.equal(drawn_once("set", "seed 1", lambda: other, kept)[0]["x"], other["x"])
    assert len(list(kept.iterdir())) == 2


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-3], lambda b: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b"x" * 99]
)
def test_a_damaged_file_is_drawn_anew_and_mended(kept, damage):
    (file,) = kept.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    columns, its_hash = drawn_once("set", "seed 0", lambda: COLUMNS, kept)
    assert its_hash == columns_hash(columns) == columns_hash(COLUMNS)
    assert drawn_once("set", "seed 0", refuse, kept)[1] == its_hash


def test_where_nothing_can_be_kept_it_is_drawn_with_a_warning(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("no folder")
    with pytest.warns(UserWarning, match="set could not be kept"):
        columns, _ = drawn_once("set", "seed 0", lambda: COLUMNS, taken)
    assert torch.equal(columns["x"], COLUMNS["x"])


def test_the_hash_sees_values_names_types_and_shapes_but_no_order():
    x, a = COLUMNS["x"], COLUMNS["a"]
    same = columns_hash({"a": a, "x": x})
    assert same == columns_hash(COLUMNS)
    for other in ({"x": x + 1, "a": a}, {"y": x, "a": a}, {"x": x.to(torch.int8), "a": a}, {"x": x.T, "a": a}):
        assert columns_hash(other) != same
