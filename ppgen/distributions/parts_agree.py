"""What network, family, order and values of an autoregressive distribution owe each other, refused where not."""

from __future__ import annotations

__all__ = ["must_be_events", "must_be_parameters", "must_be_shaped", "must_fit", "must_support"]

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ppgen.distributions.conditionals import Conditional
from ppgen.distributions.orders import Order
from ppgen.errors import DataError, SettingError


def must_be_shaped(conditional: Conditional, method: str, found: Tensor, wanted: tuple[int, ...], meaning: str) -> None:
    """Refuse what a family returns in another shape: it would broadcast to a wrong number.

    Args:
        conditional: the family.
        method: of it, for the message.
        found: what it returned.
        wanted: the shape that it should have.
        meaning: of that shape, in words.

    Raises:
        SettingError: naming the method.
    """
    if tuple(found.shape) != wanted:
        raise SettingError(
            f"Autoregressive: {method} of {type(conditional).__name__} has another shape than asked",
            expected=f"{list(wanted)}, {meaning}",
            got=f"shape {list(found.shape)}",
            fix="sum over the last dim alone: .sum(-1)"
            if method == "log_prob"
            else "return draws [..., channels] for parameters [..., num_parameters]",
            code="S135",
        )


def must_be_parameters(
    conditional: Conditional, parameters: Tensor, batch: Sequence[int], channels: int, scanned: Sequence[int]
) -> None:
    """Refuse parameters that are not the family's: they could broadcast to a wrong number.

    Args:
        conditional: the family.
        parameters: of a network.
        batch: dims in front of them.
        channels: values of a position.
        scanned: dims behind them.

    Raises:
        SettingError: for another shape.
    """
    wanted = (*batch, conditional.num_parameters(channels), *scanned)
    if tuple(parameters.shape) != wanted:
        raise SettingError(
            f"Autoregressive: the network's output is not what {conditional} needs",
            expected=f"parameters of shape {list(wanted)}: [*batch, num_parameters, *positions]",
            got=f"shape {list(parameters.shape)}",
            fix=f"a network with num_parameters={wanted[len(batch)]}, such as "
            f"ppgen.nets.GatedPixelCNN(x_shape, num_parameters={wanted[len(batch)]})",
            code="S050",
        )


def must_fit(conditional: Any, order: Any, event_shape: torch.Size) -> None:
    """Refuse a family that is none, and an order of other positions.

    Args:
        conditional: the family.
        order: of the positions.
        event_shape: ``[*channels, *positions]``.

    Raises:
        SettingError: naming which.
    """
    if not isinstance(conditional, Conditional):
        raise SettingError(
            "Autoregressive: the conditional is no family of ours",
            expected="an instance of ppgen.distributions.Conditional",
            got=repr(conditional),
            fix="conditional=conditionals.Bernoulli(), from ppgen.distributions import conditionals",
            code="S051",
        )
    ordered = order.positions if isinstance(order, Order) else None
    if not ordered or event_shape[-len(ordered) :] != ordered:
        raise SettingError(
            "Autoregressive: the order is not for this event",
            expected=f"an order of the last dims of the event {tuple(event_shape)}",
            got=f"an order of {ordered}" if ordered else repr(order),
            fix=f"order=orders.raster({tuple(event_shape[1:] if len(event_shape) == 3 else event_shape)}), "
            "from ppgen.distributions import orders",
            code="S052",
        )


def must_be_events(value: Tensor, event_shape: torch.Size) -> None:
    """Refuse values to complete that are no events.

    Args:
        value: ``[*batch, *event]``.
        event_shape: of the distribution.

    Raises:
        DataError: for another shape.
    """
    if value.shape[value.dim() - len(event_shape) :] != event_shape:
        raise DataError(
            "complete: the values are no events of this distribution",
            expected=f"[..., {', '.join(map(str, event_shape))}]",
            got=f"shape {list(value.shape)}",
            fix="value = value.unsqueeze(1), where the channel is missing",
            code="D100",
        )


def must_support(conditional: Conditional, value: Tensor, given: Tensor) -> None:
    """Refuse given values that the family excludes.

    Args:
        conditional: the family.
        value: ``[*batch, *event]``.
        given: bool, true where a value is given; broadcasts against ``value``.

    Raises:
        DataError: naming some of them.
    """
    outside = given & ~conditional.support.check(value)
    if outside.any():
        raise DataError(
            f"complete: {int(outside.sum())} given values are outside the support of {conditional!r}",
            expected=f"values in {conditional.support!r}",
            got=", ".join(f"{number:g}" for number in value[outside][:3].tolist()),
            fix="values as the model was fitted to: bits for a Bernoulli, levels for a Categorical",
            code="D101",
        )
