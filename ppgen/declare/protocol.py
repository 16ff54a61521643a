"""What the rooms above ask of a model or guide: a Pyro program of a batch and a size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["PyroProgram"]

PyroProgram = Callable[..., Any]
"""A Pyro program as ppgen calls it: ``program(batch, size)``."""
