"""Sequences of many lengths in one tensor: which positions are a datum's own, and zeros behind its end."""

from __future__ import annotations

__all__ = ["cleared", "is_own", "must_end_last"]

import torch
from torch import Tensor

from ppgen.distributions.orders import Order
from ppgen.errors import SettingError


def is_own(lengths: Tensor, positions: tuple[int, ...]) -> Tensor:
    """``[*lengths.shape, *positions]``: whether a position is one of the first ``lengths``.

    Args:
        lengths: how many positions are a datum's own.
        positions: lengths of the dims that are ordered; counted line by line.

    Example:
        >>> is_own(torch.tensor([1, 3]), (4,)).int().tolist()
        [[1, 0, 0, 0], [1, 1, 1, 0]]
    """
    place = torch.arange(torch.Size(positions).numel(), device=lengths.device).reshape(positions)
    return place < lengths[(..., *[None] * len(positions))]


def cleared(values: Tensor, lengths: Tensor | None, positions: tuple[int, ...], channel_dims: int) -> Tensor:
    """Values with zeros behind the ends, whatever stood there; themselves where there are no lengths.

    Args:
        values: ``[*batch, *channels, *positions]``; ``batch`` broadcasts against the lengths.
        lengths: how many positions are a datum's own, or None for all.
        positions: lengths of the dims that are ordered.
        channel_dims: how many dims the channels are.
    """
    if lengths is None:
        return values
    own = is_own(lengths[(..., *[None] * channel_dims)], positions)
    return values.where(own, 0.0)


def must_end_last(order: Order) -> None:
    """Refuse an order for sequences that end, unless it goes from the first position to the last.

    Args:
        order: of the positions.

    Raises:
        SettingError: for any other, in which what stands behind an end would be drawn first.
    """
    if order.index is not None:
        raise SettingError(
            "Autoregressive: lengths need an order that goes from the first position to the last",
            expected="the order in which what stands behind an end is drawn last",
            got="another order of the positions",
            fix=f"order=orders.raster({order.positions}), which is the default",
            code="S181",
        )
