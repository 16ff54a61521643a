"""Everything that the signature of a public call mentions can be imported from `ppgen`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

import ppgen

ANSWERS = (ppgen.Fit, ppgen.Estimate, ppgen.BySite)
CALLS: dict[str, Callable[..., Any]] = {
    name: value for name in ppgen.__all__ if inspect.isfunction(value := getattr(ppgen, name))
} | {
    f"{kind.__name__}.{name}": method
    for kind in ANSWERS
    for name, method in inspect.getmembers(kind, inspect.isfunction)
    if not name.startswith("_") or name == "__init__"
}


def mentioned(call: Callable[..., Any]) -> dict[str, Any]:
    """The classes of ppgen's own in the annotations of a call, by the name that they have there."""
    signature = inspect.signature(call)
    texts = [parameter.annotation for parameter in signature.parameters.values()] + [signature.return_annotation]
    words = {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", str(text))}
    known = inspect.unwrap(call).__globals__
    found = {word: known[word] for word in words if isinstance(known.get(word), type)}
    return {word: kind for word, kind in found.items() if kind.__module__.startswith("ppgen.")}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_signature_mentions_is_exported(name: str) -> None:
    for word, kind in mentioned(CALLS[name]).items():
        assert getattr(ppgen, word, None) is kind, f"{name} mentions {word}, which ppgen does not export"


def test_the_test_sees_what_signatures_mention() -> None:
    assert set(mentioned(ppgen.fit)) >= {"Objective", "Fit"}
    assert set(mentioned(ppgen.Fit.__init__)) >= {"Objective", "Dataset"}
    assert {"fit", "load", "evaluate", "compare", "check", "report"} <= set(CALLS)
