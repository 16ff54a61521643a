"""Ancestral draws of an autoregressive distribution: one position after the other, some of them perhaps known."""

from __future__ import annotations

__all__ = ["draw_all"]

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ppgen.distributions.causal_network import SteppingNetwork, WholePasses
from ppgen.distributions.draw_bar import ticking
from ppgen.distributions.own_positions import cleared
from ppgen.distributions.parts_agree import must_be_parameters, must_be_shaped

CHUNK_VALUES = 2**18  # drawn together: bounds the memory of the network's hidden states


def draw_all(fn: Any, shape: torch.Size, clamped: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Events ``[*shape]``, a piece of the batch at a time.

    Args:
        fn: the distribution: its network, family, order, channels, context and lengths.
        shape: ``[*batch, *event]``.
        clamped: as :func:`draw_in_order` takes it, of all of them.
    """
    batch = shape[: len(shape) - len(fn.event_shape)]
    size, chunk = batch.numel(), max(1, CHUNK_VALUES // fn.event_shape.numel())
    contexts = None
    if fn.context is not None:
        contexts = fn.context.expand(*batch, -1).reshape(size, fn.context.shape[-1])
    parts, firsts = [], range(0, max(size, 1), chunk)
    with ticking(len(firsts) * len(fn.order)) as tick:
        for first in firsts:
            context = None if contexts is None else contexts[first : first + chunk]
            piece = None if clamped is None else tuple(each[first : first + chunk] for each in clamped)
            parts.append(draw_in_order(fn, min(chunk, size - first), context, piece, tick))
    return cleared(torch.cat(parts).reshape(shape), fn.lengths, fn.order.positions, len(fn.channels))


def draw_in_order(
    fn: Any, size: int, context: Tensor | None, clamped: tuple[Tensor, ...] | None, tick: Callable[[], object]
) -> Tensor:
    """Events ``[size, *event]``, drawn together.

    Args:
        fn: the distribution: its network, family, order and channels.
        size: how many.
        context: ``[size, context_dim]``, or None.
        clamped: values ``[size, channels, num_positions]`` in the order of their drawing, and where they are taken
            instead of a draw, ``[size, num_positions]``; or None.
        tick: called after each position.
    """
    like = next(iter(fn.network.parameters()), torch.empty(()))
    channels, scanned = fn.channels.numel(), (*fn.channels, *fn.order.scanned)
    values = like.new_zeros(size, channels, len(fn.order))
    network: SteppingNetwork[Any] = (
        fn.network
        if isinstance(fn.network, SteppingNetwork)
        else WholePasses(fn.network, values.new_zeros(values.shape[1:]), scanned)
    )
    state, drawn = network.start(size, context), like.new_zeros(size, channels)
    for position in range(len(fn.order)):
        parameters, state = network.step(state, drawn, position)
        must_be_parameters(fn.conditional, parameters, (size,), channels, ())
        drawn = fn.conditional.sample(parameters, channels)
        must_be_shaped(fn.conditional, "sample", drawn, (size, channels), "a value for each channel of a position")
        if clamped is not None:
            given, known = clamped
            drawn = torch.where(known[:, position, None], given[..., position].to(drawn), drawn)
        values[..., position] = drawn
        tick()
    return fn.order.restore(values.reshape(size, *scanned))
