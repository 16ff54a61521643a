"""Sequences of tokens that have names, read as text and written from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ppgen.data.column import Column
from ppgen.errors import DataError, SettingError

__all__ = ["as_tokens", "tokens_of", "words_of"]

_PAUSES = (",", ".", ";", ":", "!", "?")


def words_of(column: Column, tokens: Tensor) -> list[str]:
    """The texts that sequences of tokens stand for.

    Args:
        column: whose ``categories`` are the vocabulary; token 0, whose name is empty, is no word.
        tokens: whole numbers [N, T], of any type, as a model draws them.

    Returns:
        N texts; words are parted by spaces, and there is none before a comma or a full stop.

    Raises:
        SettingError: if the column's tokens have no names.
        DataError: for a token that the vocabulary does not have.

    Example:
        >>> import ppgen
        >>> glyphs = ppgen.data.load("glyphs")
        >>> words_of(glyphs.columns["caption"], glyphs.split("test")["caption"][:2])
        ['a large bold 5', 'a large bold italic 0, leaning right']
    """
    names = _vocabulary(column)
    wrong = (tokens < 0) | (tokens >= len(names))
    if bool(wrong.any()):
        raise DataError(
            f"{column.name}: a token is in no vocabulary",
            expected=f"whole numbers from 0 to {len(names) - 1}",
            got=f"{int(tokens[wrong][0])} in row {int(wrong.nonzero()[0][0])}",
            fix="tokens of this column, or of a model of it",
            code="D096",
        )
    texts = (" ".join(filter(None, (names[token] for token in row))) for row in tokens.long().tolist())
    return [_closed_up(text) for text in texts]


def tokens_of(column: Column, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Texts as tokens, to condition a model on words of your own; the inverse of :func:`words_of`.

    Args:
        column: whose ``categories`` are the vocabulary and whose shape says for how many tokens there is room.
        texts: of words in the vocabulary, parted by spaces.

    Returns:
        Tokens [N, T] with zeros behind the end, and their lengths [N].

    Raises:
        SettingError: if the column's tokens have no names.
        DataError: for a word that the vocabulary does not have, or a text that is empty or too long.

    Example:
        >>> import ppgen
        >>> column = ppgen.data.load("glyphs").columns["caption"]
        >>> tokens, lengths = tokens_of(column, ["a large bold 7, leaning left"])
        >>> lengths, words_of(column, tokens)
        (tensor([7]), ['a large bold 7, leaning left'])
    """
    names = {name: number for number, name in enumerate(_vocabulary(column)) if name}
    room = column.event_shape[0]
    tokens = torch.zeros(len(texts), room, dtype=torch.int64)
    lengths = torch.zeros(len(texts), dtype=torch.int64)
    for row, text in enumerate(texts):
        for pause in _PAUSES:
            text = text.replace(pause, f" {pause} ")
        words = text.split()
        strange = [word for word in words if word not in names]
        if strange or not 1 <= len(words) <= room:
            raise DataError(
                f"{column.name}: text {row} cannot be written in its tokens",
                expected=f"1 to {room} of the words {', '.join(names)}",
                got=repr(strange[0]) if strange else f"{len(words)} words",
                fix="say it in these words",
                code="D097",
            )
        tokens[row, : len(words)] = torch.tensor([names[word] for word in words])
        lengths[row] = len(words)
    return tokens, lengths


def as_tokens(column: Column | None, value: Any) -> Any:
    """Text as its tokens, where a column of tokens with names is told text; anything else as it is.

    Args:
        column: that is told, if the data have it.
        value: one text, several, or no text.

    Returns:
        Tokens [T] of one text, [N, T] of several; else the value.

    Raises:
        SettingError, DataError: as :func:`tokens_of`.

    Example:
        >>> import ppgen
        >>> as_tokens(ppgen.data.load("glyphs").columns["caption"], "a bold 5").tolist()
        [1, 13, 24, 0, 0, 0, 0, 0]
    """
    if isinstance(value, str) and column is not None:
        return tokens_of(column, [value])[0][0]
    is_text = isinstance(value, list | tuple) and value and all(isinstance(each, str) for each in value)
    return tokens_of(column, value)[0] if is_text and column is not None else value


def _vocabulary(column: Column) -> tuple[str, ...]:
    if not column.is_text:
        raise SettingError(
            f"{column.name} has no vocabulary",
            expected="a column of tokens with names, such as the captions of glyphs",
            got=str(column),
            fix='ppgen.data.load("glyphs").columns["caption"]',
            code="S153",
        )
    return column.categories


def _closed_up(text: str) -> str:
    for pause in _PAUSES:
        text = text.replace(f" {pause}", pause)
    return text
