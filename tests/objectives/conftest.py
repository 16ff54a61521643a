from __future__ import annotations

from tests.oracles.precision import float64

__all__ = ["float64"]
