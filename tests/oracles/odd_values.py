"""Values that no argument is meant to have, and calls with one argument replaced by each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

__all__ = ["ODD", "Call", "replaced"]


class Anything:
    """An object of which nothing is known."""


ODD: Mapping[str, Any] = {
    "negative": -1,
    "zero": 0,
    "true": True,
    "a fraction": 2.5,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "a trillion": 10**12,
    "beyond int64": 2**70,
    "digits as text": "8",
    "no text": "",
    "a device that is not there": "cuda:99",
    "a null byte": "a\0b",
    "half a character": "\udcff",
    "long text": "a" * 5000,
    "bytes": b"x",
    "none": None,
    "an empty list": [],
    "an empty dictionary": {},
    "a zero in a tuple": (0,),
    "a negative in a list": [-1],
    "a huge number in a list": [10**9],
    "text in a list": ["a"],
    "a set": {1},
    "a dictionary of numbers": {1: 2},
    "a complex number": 1j,
    "an array": np.zeros(3),
    "a tensor": torch.tensor(3),
    "an object": Anything(),
    "a class": Anything,
    "a path that is not there": Path("/nonexistent/x"),
    "a file where a folder belongs": "/etc/hostname",
}


class Call(NamedTuple):
    """A call that is right, and which of its arguments are to be replaced.

    Args:
        function: what is called.
        right: its arguments.
        replaced: names of those to replace; all by default.
    """

    function: Callable[..., Any]
    right: Mapping[str, Any]
    replaced: tuple[str, ...] = ()


def replaced(call: Call) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The argument, the odd value's name, and all arguments with the one replaced."""
    for argument in call.replaced or call.right:
        for name, value in ODD.items():
            yield argument, name, {**call.right, argument: value}
