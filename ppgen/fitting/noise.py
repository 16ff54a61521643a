"""Random numbers of one's own: seeded for a block, and put back after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["reseed", "seeded"]


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """A block with random numbers of its own; the states outside are untouched."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        reseed(seed, device)
        yield


def reseed(seed: int, device: torch.device) -> None:
    """Seed the CPU and one device; ``torch.manual_seed`` would seed every GPU of the process."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
