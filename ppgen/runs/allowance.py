"""Room for what a run folder asks to be made: as much as its weights fill, and some for the work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Allowance"]

_AT_ONCE = 1 << 26
_IN_ALL = 1 << 24


class Allowance(TorchDispatchMode):
    """A block in which tensors that could not be meant are not made.

    A record may ask for layers of any size, and memory would be taken before the first error. What is made from it
    must have the shapes of the saved weights in the end, so that their file says how much that may be.

    Args:
        weights: the file.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        held = weights.stat().st_size if weights.is_file() else 0  # in bytes, of which a number takes one or more
        self._at_once, self._left = max(8 * held, _AT_ONCE), 8 * held + _IN_ALL

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        sizes = [value for value in args if isinstance(value, (list, tuple, torch.Size))]
        asked = max((math.prod(size) for size in sizes if all(isinstance(length, int) for length in size)), default=0)
        if not any(isinstance(value, torch.Tensor) for value in args):
            self._left -= asked
        if asked > self._at_once or self._left < 0:
            raise ValueError(f"{func}: {asked} numbers, which the saved weights cannot fill")
        return func(*args, **(kwargs or {}))
