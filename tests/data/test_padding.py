"""Sequences of different lengths: padding says nothing, and lengths are those of the sequences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ppgen
from ppgen.data import Column, as_batch, from_tensors
from ppgen.data.padding import pad
from ppgen.errors import DataError
from ppgen.models import DeepMarkovModel


def walks(lengths: list[int], size: int = 2) -> list[torch.Tensor]:
    """A sequence [T_i, size] of each length."""
    return [torch.randn(length, size) for length in lengths]


LENGTHS = [1 + row % 7 for row in range(40)]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_a_padded_sequence_is_itself_and_then_zero(lengths):
    sequences = walks(lengths)
    values, counted = pad("x", sequences)
    assert counted.tolist() == lengths
    assert values.shape == (len(lengths), max(lengths), 2)
    for row, sequence in enumerate(sequences):
        assert torch.equal(values[row, : len(sequence)], sequence)
        assert not values[row, len(sequence) :].any()


def test_a_list_is_described_as_sequences():
    data = from_tensors({"x": walks(LENGTHS), "y": torch.arange(40) % 3})
    assert data.columns["x"] == Column("x", "sequence", (7, 2), "continuous", lengths="x_lengths")
    assert data.columns["x_lengths"] == Column("x_lengths", "count", (), "integer", missing=-1)
    assert data.num_classes == {"y": 3}
    assert data.split("train")["x_lengths"].max() <= 7
    assert from_tensors(walks(LENGTHS)).keys == ("x", "x_lengths")


@pytest.mark.parametrize("rubbish", [float("nan"), float("inf"), -7.0])
def test_padding_does_not_matter(rubbish):
    clean, lengths = pad("x", walks(LENGTHS))
    dirty = clean.clone()
    for row, length in enumerate(LENGTHS):
        dirty[row, length:] = rubbish
    one, other = (from_tensors({"x": x, "x_lengths": lengths}) for x in (clean, dirty.numpy()))
    assert one.fingerprint("train") == other.fingerprint("train")
    assert torch.equal(as_batch({"x": dirty, "x_lengths": lengths})["x"], clean)


def test_splits_get_room_for_the_longest():
    data = from_tensors({"train": walks([3, 2, 1]), "valid": walks([5]), "test": walks([2, 9])})
    assert {split: tuple(columns["x"].shape) for split, columns in data.splits.items()} == {
        "train": (3, 9, 2),
        "valid": (1, 9, 2),
        "test": (2, 9, 2),
    }
    assert as_batch(walks([4]), data)["x"].shape == (1, 9, 2)
    assert as_batch(walks([4]))["x"].shape == (1, 4, 2)


def test_tokens_stay_integers():
    words = {"words": [np.arange(length) for length in LENGTHS], "x": torch.randn(40, 2)}
    data = from_tensors(words)
    assert data.splits["train"]["words"].dtype == torch.int64
    assert data.columns["words"] == Column("words", "sequence", (7,), "integer", lengths="words_lengths")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"x": torch.zeros(3, 4, 2), "x_lengths": torch.tensor([1, 0, 4])}, r"expected: 1 to 4(.|\n)*got: 0 in row 1"),
        ({"x": torch.zeros(3, 4, 2), "x_lengths": torch.tensor([1, 4, 5])}, r"impossible length(.|\n)*got: 5 in row 2"),
        ({"x": torch.zeros(3, 4), "x_lengths": torch.ones(3)}, r"are no lengths(.|\n)*\[3\] float32"),
        ({"x": torch.zeros(3, 4, 2), "x_lengths": torch.ones(2, dtype=torch.long)}, "3 rows of x, 2 rows of x_lengths"),
        ({"x": walks([2, 3]), "x_lengths": torch.tensor([2, 3])}, "have their lengths already"),
        ({"x": [torch.zeros(2, 3), torch.zeros(2, 4)]}, r"row 1 is no sequence(.|\n)*got: \[2, 4\]"),
        ({"x": [torch.zeros(2, 3), torch.zeros(0, 3)]}, r"row 1 is no sequence(.|\n)*T >= 1"),
        ({"x": [torch.zeros(2), torch.zeros(2, dtype=torch.long)]}, r"row 1 is no sequence(.|\n)*int64"),
        ({"x": [torch.tensor(1.0)]}, "row 0 is no sequence"),
        ({"x": [torch.zeros(2), np.array(["a", "b"])]}, r"x\[1\] holds text"),
        ({"x": []}, "x is no tensor"),
        ({"x": [torch.zeros(1, 2, 2)] * 3}, r"x may be images or sequences(.|\n)*torch.stack\(x\)"),
    ],
)
def test_what_are_no_sequences_is_refused(columns, told):
    with pytest.raises(DataError, match=told):
        from_tensors(columns)


def test_single_numbers_have_no_length():
    columns = {"petal": torch.rand(20), "petal_lengths": torch.arange(20)}
    assert {key: column.kind for key, column in from_tensors(columns).columns.items()} == {
        "petal": "real",
        "petal_lengths": "categorical",
    }


def test_what_stands_before_the_end_must_be_finite():
    x = torch.zeros(3, 4, 2)
    x[1, 2, 0] = torch.nan
    with pytest.raises(DataError, match=r"x has 1 non-finite value, first at \[1, 2, 0\]"):
        from_tensors({"x": x, "x_lengths": torch.tensor([4, 3, 4])})


def test_a_deep_markov_model_takes_sequences_of_one_length():
    model = DeepMarkovModel(x_shape=(5, 2), latent_dim=2, hidden=4)
    fit = ppgen.fit(model, data={"x": torch.randn(20, 5, 2)}, max_epochs=1, progress=False)
    assert fit.data.columns["x"].kind == "real"
    padded = from_tensors({"x": walks([5, 3] * 10)})
    assert torch.isfinite(torch.tensor(ppgen.fit(model, data=padded, max_epochs=1, progress=False).elbo().value))
