"""Networks made for one batch dimension, applied to any number of them."""

from __future__ import annotations

__all__ = ["over_batch"]

from collections.abc import Callable
from math import prod

from torch import Tensor


def over_batch(network: Callable[[Tensor], Tensor], x: Tensor, event_dim: int) -> Tensor:
    """Apply ``network`` to the events of ``x``, whatever batch dimensions stand before them.

    Convolutions accept exactly one batch dimension; particles, plates and chains make more, or none.

    Args:
        network: maps ``[N, *event]`` to ``[N, *out]``.
        x: ``[*batch, *event]``.
        event_dim: how many rightmost dimensions of ``x`` are one event.

    Returns:
        ``[*batch, *out]``.
    """
    split = x.dim() - event_dim
    if split == 1:
        return network(x)
    batch, event = x.shape[:split], x.shape[split:]
    out = network(x.reshape(prod(batch), *event))
    return out.reshape(*batch, *out.shape[1:])
