"""Guides, and models with them, fitted to a few points by many quick steps; and the bound on these points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.context import validation
from ppgen.inference.bound import elbo_parts
from ppgen.inference.importance import elbo_per_datum, repeat_rows

__all__ = ["bound", "maximise", "train"]


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


def train(model: Any, guide: Any, batch: Mapping[str, Tensor], steps: int, learning_rate: float) -> list[float]:
    """Adam on all that model and guide have, one draw a point; the ELBO per datum at each step."""
    optimizer = torch.optim.Adam([*model.parameters(), *guide.parameters()], lr=learning_rate)
    elbos = []
    for _ in range(steps):
        drawn = elbo_parts(model, guide, batch, len(batch["x"]))
        loss = drawn.distortion + drawn.rate
        optimizer.zero_grad()
        (loss + sum(drawn.label_nll.values())).backward()
        optimizer.step()
        elbos.append(-loss.item())
    return elbos


def bound(model: Any, guide: Any, batch: Mapping[str, Tensor], draws: int = 200) -> tuple[float, float]:
    """The ELBO of all points together, in nats, with every log-ratio sampled; and its standard error."""
    many = repeat_rows(batch, 8)
    with torch.no_grad(), validation(False):
        each = [elbo_per_datum(model, guide, many).reshape(8, -1).sum(1) for _ in range(draws // 8)]
    totals, draws = torch.cat(each), 8 * len(each)
    return totals.mean().item(), totals.std().item() / draws**0.5
