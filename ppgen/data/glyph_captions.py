"""Captions of glyphs in words: "a large bold italic A, leaning left"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ppgen.data.glyph_faces import CHARACTERS, FACES
from ppgen.data.padding import pad

__all__ = ["COLOURS", "VOCABULARY", "captions"]

COLOURS = {
    "red": 0.0,
    "orange": 28.0,
    "yellow": 54.0,
    "green": 120.0,
    "cyan": 180.0,
    "blue": 222.0,
    "purple": 272.0,
    "pink": 322.0,
}
"""The inks, and their hues in degrees."""

# Heights of a capital in pixels and degrees between which there is nothing to say.
_MIDDLING, _UPRIGHT = (16.5, 19.0), 5.0
_WORDS = ("", "a", "an", "small", "large", *COLOURS, "bold", "italic", ",", "leaning", "left", "right")
VOCABULARY = (*_WORDS, *(character for character in CHARACTERS if character not in _WORDS))
"""What the tokens stand for; 0 is what stands behind the end of a caption."""

_NUMBERS = {word: number for number, word in enumerate(VOCABULARY)}
# Of characters, those whose names begin with a vowel.
_AFTER_AN = {"an", "italic", "orange", *"AEFHILMNORSX", *"aefhilmnorsx", "8"}


def captions(characters: Sequence[str], factors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """A caption of each image: its size, ink, weight and slope, the character, and where it leans.

    What is ordinary is not said: a size between small and large, an upright or regular face, white ink.

    Args:
        characters: one for each image.
        factors: ``face``, ``size`` and ``rotation`` [N], and ``colour`` where there is one.

    Returns:
        Tokens [N, T], numbers in :data:`VOCABULARY`, zeros behind the end; and their lengths [N].

    Example:
        >>> one = {"face": torch.tensor([3]), "size": torch.tensor([20.0]), "rotation": torch.tensor([-9.0])}
        >>> tokens, lengths = captions("A", one)
        >>> " ".join(VOCABULARY[token] for token in tokens[0])
        'a large bold italic A , leaning left'
    """
    colours = [[]] * len(characters) if "colour" not in factors else [[list(COLOURS)[c]] for c in factors["colour"]]
    rows = zip(characters, factors["face"].tolist(), factors["size"].tolist(), factors["rotation"].tolist(), colours,
               strict=True)  # fmt: skip
    return pad("caption", [torch.tensor([_NUMBERS[word] for word in _caption(*row)]) for row in rows])


def _caption(character: str, face: int, size: float, rotation: float, colour: Sequence[str]) -> list[str]:
    small, large = _MIDDLING
    words = ["small"] * (size < small) + ["large"] * (size > large) + [*colour]
    words += ["bold"] * FACES[face].bold + ["italic"] * FACES[face].italic + [character]
    lean = [",", "leaning", "left" if rotation < 0 else "right"] if abs(rotation) > _UPRIGHT else []
    return ["an" if words[0] in _AFTER_AN else "a", *words, *lean]
