"""Captions: that they say what is so, in good English."""

from __future__ import annotations

import pytest
import torch

import ppgen.data
from ppgen.data.glyph_captions import COLOURS, VOCABULARY, captions


def caption(character="A", face=0, size=17.0, rotation=0.0, **more):
    factors = {"face": torch.tensor([face]), "size": torch.tensor([size]), "rotation": torch.tensor([rotation]), **more}
    tokens, lengths = captions(character, factors)
    assert tokens.shape == (1, int(lengths))
    return " ".join(VOCABULARY[token] for token in tokens[0]).replace(" ,", ",")


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        ({}, "an A"),
        ({"character": "B"}, "a B"),
        ({"character": "8"}, "an 8"),
        ({"character": "a", "size": 20.0}, "a large a"),
        ({"face": 1}, "an italic A"),
        ({"face": 2, "size": 15.0}, "a small bold A"),
        ({"face": 3, "size": 20.0, "rotation": -9.0}, "a large bold italic A, leaning left"),
        ({"character": "U", "rotation": 9.0}, "a U, leaning right"),
        ({"colour": torch.tensor([1])}, "an orange A"),
        ({"colour": torch.tensor([5]), "face": 2}, "a blue bold A"),
    ],
)
def test_a_caption_in_words(factors, text):
    assert caption(**factors) == text


def test_no_word_stands_twice_in_the_vocabulary_and_padding_is_none():
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    assert VOCABULARY[0] == ""


def test_the_captions_of_a_set_are_true_of_its_factors():
    data = ppgen.data.load("glyphs-coloured")
    test = data.splits["test"]
    texts = ppgen.data.words_of(data.columns["caption"], test["caption"])
    for row, text in enumerate(texts):
        words = text.replace(",", "").split()
        assert str(int(test["y"][row])) in words
        assert ("bold" in words, "italic" in words) == (bool(test["bold"][row]), bool(test["italic"][row]))
        assert list(COLOURS)[test["colour"][row]] in words
        assert ("left" in words, "right" in words) == (
            bool(test["rotation"][row] < -5),
            bool(test["rotation"][row] > 5),
        )
        assert ("small" in words, "large" in words) == (bool(test["size"][row] < 16.5), bool(test["size"][row] > 19))
        assert test["caption_lengths"][row] == len(words) + ("," in text)
