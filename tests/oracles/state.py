"""Everything that a fit has learnt, to be compared bit for bit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["rows_without_time", "same", "state_of"]


def state_of(fit: Any) -> dict[str, Tensor]:
    """A copy of all parameters and buffers of model, guide and the objective's networks."""
    return {
        f"{owner}.{name}": value.clone()
        for owner, module in fit.state.modules.items()
        for name, value in module.state_dict().items()
    }


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two states are the same numbers, bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def rows_without_time(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """History without what a clock says."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]
