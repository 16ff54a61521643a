"""Unpaired data: domains of different lengths, each split by itself, of which no row is lost and none is paired."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ppgen.data
from ppgen.data import Dataset, from_tensors, unpaired
from ppgen.errors import DataError, SettingError

SPLITS = ("train", "valid", "test")


def numbered(rows: int, offset: float = 0.5) -> torch.Tensor:
    """Rows that say which they are."""
    return torch.arange(rows)[:, None] + offset


@pytest.fixture(scope="module")
def horses_and_zebras() -> Dataset:
    return unpaired(horses={"x": numbered(100), "y": torch.arange(100) % 3}, zebras=-numbered(50))


def test_each_domain_is_split_as_it_would_be_by_itself(horses_and_zebras):
    alone = from_tensors(-numbered(50))
    for split in SPLITS:
        assert torch.equal(horses_and_zebras.domains["zebras"].split(split)["x"], alone.split(split)["x"])
    assert horses_and_zebras.domains["zebras"].fingerprint() == alone.fingerprint()


def test_names_sizes_measure_classes_and_text(horses_and_zebras):
    data = horses_and_zebras
    assert data.keys == ("horses", "horses_y", "zebras")
    assert [data.size(split) for split in SPLITS] == [80, 10, 10]
    assert (data.measure, data.x_shape, data.num_classes) == ("continuous", (1,), {"horses_y": 3})
    assert {key: (column.kind, column.domain) for key, column in data.columns.items()} == {
        "horses": ("real", "horses"),
        "horses_y": ("categorical", "horses"),
        "zebras": ("real", "zebras"),
    }
    assert all(key == column.name for key, column in data.columns.items())
    assert repr(data).splitlines() == [
        "Dataset 'horses+zebras': horses [1], real, continuous (unpaired: horses as given; zebras as given)",
        "  train (80 horses, 40 zebras), valid (10 horses, 5 zebras), test (10 horses, 5 zebras)",
        "  horses_y: categorical, 3 classes",
        "  zebras [1]: real, continuous",
    ]


@given(st.integers(10, 60), st.integers(10, 60))
def test_a_split_holds_every_row_of_every_domain_as_often_up_to_one(few, many):
    data = unpaired(a=numbered(few), b=-numbered(many))
    for split in SPLITS:
        seen, stored = data.split(split), data.stored(split)
        assert len(seen["a"]) == len(seen["b"]) == data.size(split)
        for domain, own in data.domains.items():
            values, counts = seen[domain].unique(return_counts=True)
            assert torch.equal(values, own.split(split)["x"].flatten().sort().values)
            assert counts.max() - counts.min() <= 1
            assert torch.equal(stored[domain], seen[domain])


def test_rows_of_a_domain_stay_together_and_domains_do_not(horses_and_zebras):
    seen = horses_and_zebras.split("train")
    assert torch.equal((seen["horses"].flatten() - 0.5).long() % 3, seen["horses_y"])
    same = unpaired(a=numbered(100), b=numbered(100)).split("train")
    assert (same["a"] == same["b"]).sum() < 10  # one of them on average, if rows meet by chance


def test_it_is_the_same_at_every_call_and_after_pickling_and_moving(horses_and_zebras):
    data = horses_and_zebras
    assert data.fingerprint() == data.fingerprint() == pickle.loads(pickle.dumps(data)).fingerprint()
    assert data.to("cpu").fingerprint() == data.fingerprint()
    assert data.fingerprint() != unpaired(horses=numbered(100), zebras=-numbered(50)).fingerprint()
    moved = data.to("meta")
    assert {t.device.type for columns in moved.splits.values() for t in columns.values()} == {"meta"}
    assert moved.splits["test"]["zebras"] is moved.domains["zebras"].splits["test"]["x"]


def test_representative_rows_have_the_extremes_of_every_domain():
    labels = torch.cat([torch.zeros(90, dtype=torch.long), torch.arange(1, 8)])
    data = unpaired(a={"x": numbered(97), "y": labels}, b={"x": numbered(12), "y": torch.arange(12)})
    rows = data.representative_rows()
    assert len({len(values) for values in rows.values()}) == 1
    assert {0, 7} <= set(rows["a_y"].tolist())
    assert {0, 11} <= set(rows["b_y"].tolist())


def test_named_sets_keep_their_protocols_and_their_bits():
    grey, bits = ppgen.data.load("digits", binarize=None), ppgen.data.load("digits", binarize="dynamic")
    data = unpaired(grey=grey, bits=bits)
    assert data.random
    assert (data.columns["grey"].measure, data.columns["bits"].measure) == ("unit interval", "binary")
    found = {tuple(row) for row in data.split()["bits"].flatten(1).tolist()}
    assert found == {tuple(row) for row in bits.split()["x"].flatten(1).tolist()}
    assert unpaired(a="digits", b=grey).domains["a"].fingerprint() == ppgen.data.load("digits").fingerprint()


def test_what_a_domains_transform_adds_keeps_its_domain():
    digits = ppgen.data.load("digits")
    data = unpaired(whole=digits, part=ppgen.data.quadrants(digits))
    assert data.keys == ("whole", "whole_y", "part", "part_y", "part_given", "part_mask")
    assert set(data.split()) == set(data.columns) == set(data.keys)
    assert torch.equal(data.split()["part"] * data.split()["part_mask"], data.split()["part_given"])


def test_sequences_keep_their_lengths():
    data = unpaired(songs={"x": [torch.randn(1 + n % 5, 2) for n in range(30)]}, poems=torch.randn(20, 3))
    assert data.columns["songs"].lengths == "songs_lengths"
    assert data.split()["songs_lengths"].max() <= 5


def test_paired_data_take_the_draws_that_they_always_took():
    data = from_tensors({"x": numbered(30), "y": torch.arange(30)}, valid=0, test=0)
    orders = data.draw_orders("train", torch.Generator().manual_seed(5), torch.device("cpu"))
    assert torch.equal(orders["x"], torch.randperm(30, generator=torch.Generator().manual_seed(5)))
    assert orders["x"] is orders["y"]


@pytest.mark.parametrize("step", ["attributes", "partial_labels", "quadrants"])
def test_steps_are_taken_of_one_domain(horses_and_zebras, step):
    arguments = {"attributes": (["y"],), "partial_labels": (), "quadrants": ()}[step]
    with pytest.raises(SettingError, match=rf"{step} is taken of one domain(.|\n)*unpaired\(horses=ppgen.data.{step}"):
        getattr(ppgen.data, step)(horses_and_zebras, *arguments)


@pytest.mark.parametrize(
    ("domains", "error", "told"),
    [
        ({}, SettingError, "at least two domains"),
        ({"a": torch.rand(20, 2)}, SettingError, "at least two domains"),
        ({"a": {"x": torch.rand(20, 2), "b": torch.rand(20)}, "a_b": torch.rand(20, 2)}, SettingError, "called 'a_b'"),
        ({"a": torch.rand(20, 2), "b": torch.rand(0, 2)}, DataError, "empty"),
        ({"a": torch.rand(20, 2), "b": from_tensors(torch.rand(9, 2), test=0)}, DataError, "b has no rows in its test"),
        ({"a b": torch.rand(20, 2), "b": torch.rand(20, 2)}, SettingError, "'a b' cannot name a site"),
        ({"a": torch.rand(20, 2), "b": "minst"}, SettingError, "unknown data set 'minst'"),
        (
            {"a": torch.rand(20, 2), "b": unpaired(c=torch.rand(9, 2), d=torch.rand(9, 2))},
            SettingError,
            "b is unpaired",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(domains, error, told):
    with pytest.raises(error, match=told):
        unpaired(**domains)
