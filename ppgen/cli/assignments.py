"""``NAME=VALUE`` on a command line: names and JSON values out of text, which is never evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ppgen.errors import SettingError

__all__ = ["assignments"]

_WORDS = re.compile(r"[A-Za-z_][\w./-]*(,? [\w./-]+)*")
_NO_WORDS = {
    "True": "true",
    "False": "false",
    "None": "null",
    "NaN": "0.0",
    "nan": "0.0",
    "Infinity": "0.0",
    "inf": "0.0",
}
"""Words that mean a value elsewhere, each with what JSON has in its place."""


def assignments(pairs: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Read ``NAME=VALUE`` pairs; a value is a JSON literal or bare words, and is never evaluated.

    Args:
        pairs: the texts as typed (``["latent_dim=16", "loss=hinge"]``).
        option: the option's name, for the error text.

    Returns:
        Name to value.

    Raises:
        SettingError: if a pair has no ``=``, a name that is no identifier, appears twice or has a value that is
            neither JSON nor words.

    Example:
        >>> assignments(["latent_dim=16", "loss=hinge", "hidden=[64, 64]"])
        {'latent_dim': 16, 'loss': 'hinge', 'hidden': [64, 64]}
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise SettingError(
                f"{option} {pair}: this is no NAME=VALUE pair",
                expected="a name, an equals sign and a JSON value",
                got=pair or "nothing",
                fix=f"{option} latent_dim=16",
                code="S012",
            )
        if name in values:
            raise SettingError(
                f"{option} {name}: given twice", expected="one value", got=pair, fix="keep one of them", code="S013"
            )
        values[name] = _literal(option, name, text)
    return values


def _literal(option: str, name: str, text: str) -> Any:
    if text not in _NO_WORDS:
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            if _WORDS.fullmatch(text):
                return text
    listed = text.strip("()[] ")
    is_row = re.fullmatch(r"-?\d+( *, *-?\d+)+", listed)
    usual = f"'{name}=[{listed}]'" if is_row else f"{name}={_NO_WORDS.get(text, '16')}"
    raise SettingError(
        f"{option} {name}={text}: the value is no JSON literal",
        expected='a number, true, false, null, a word, "quoted text", [a, list] or {"an": "object"}',
        got=text or "nothing",
        fix=f"{option} {usual}",
        code="S014",
    )


def _refuse_constant(text: str) -> Any:
    raise ValueError(text)  # NaN and Infinity are no JSON, though Python's reader takes them
