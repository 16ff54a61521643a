"""The type of models and guides in all rooms above: a Pyro program of a batch and a size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["PyroProgram"]

PyroProgram = Callable[..., Any]
"""A Pyro program as ppgen calls it: ``program(batch, size)``."""
