"""Tokens to words and back."""

from __future__ import annotations

import pytest
import torch

import ppgen.data
from ppgen.data.column import Column
from ppgen.errors import DataError, SettingError

SAID = Column("said", "sequence", (4,), "integer", lengths="said_lengths", categories=("", "yes", "no", ","))


def test_tokens_become_words_and_words_tokens():
    tokens = torch.tensor([[1, 3, 2, 0], [2, 0, 0, 0]])
    texts = ppgen.data.words_of(SAID, tokens)
    assert texts == ["yes, no", "no"]
    again, lengths = ppgen.data.tokens_of(SAID, texts)
    assert torch.equal(again, tokens)
    assert lengths.tolist() == [3, 1]


def test_every_caption_goes_to_words_and_back_to_its_tokens():
    data = ppgen.data.load("glyphs")
    test = data.splits["test"]
    column = data.columns["caption"]
    tokens, lengths = ppgen.data.tokens_of(column, ppgen.data.words_of(column, test["caption"]))
    assert torch.equal(tokens, test["caption"])
    assert torch.equal(lengths, test["caption_lengths"])


@pytest.mark.parametrize("text", ["maybe", "", "yes yes no no yes"])
def test_a_text_that_cannot_be_written_is_refused(text):
    with pytest.raises(DataError, match="text 1 cannot be written"):
        ppgen.data.tokens_of(SAID, ["yes", text])


@pytest.mark.parametrize("token", [-1, 4])
def test_a_token_beyond_the_vocabulary_is_refused(token):
    with pytest.raises(DataError, match=f"{token} in row 1"):
        ppgen.data.words_of(SAID, torch.tensor([[1], [token]]))


def test_a_column_without_names_is_refused():
    with pytest.raises(SettingError, match="y has no vocabulary"):
        ppgen.data.words_of(ppgen.data.load("digits").columns["y"], torch.tensor([[1]]))
