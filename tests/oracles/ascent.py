"""A guide fitted to a few points by many quick steps, and its bound on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.context import validation
from ppgen.inference.bound import elbo_parts
from ppgen.inference.importance import elbo_per_datum, repeat_rows

__all__ = ["bound", "maximise"]


def maximise(model: Any, guide: Any, batch: Mapping[str, Tensor], steps: int, learning_rate: float) -> None:
    """Adam on eight draws for each point, its rate falling to 0 along a cosine; the model stays as it is."""
    batch = repeat_rows(batch, 8)
    rows = len(next(iter(batch.values())))
    optimizer = torch.optim.Adam(guide.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with validation(False):
        for _ in range(steps):
            drawn = elbo_parts(model, guide, batch, rows)
            optimizer.zero_grad()
            (drawn.distortion + drawn.rate).backward()
            optimizer.step()
            schedule.step()


def bound(model: Any, guide: Any, batch: Mapping[str, Tensor], draws: int = 200) -> tuple[float, float]:
    """The ELBO of all points together, in nats, with every log-ratio sampled; and its standard error."""
    many = repeat_rows(batch, 8)
    with torch.no_grad(), validation(False):
        each = [elbo_per_datum(model, guide, many).reshape(8, -1).sum(1) for _ in range(draws // 8)]
    totals, draws = torch.cat(each), 8 * len(each)
    return totals.mean().item(), totals.std().item() / draws**0.5
