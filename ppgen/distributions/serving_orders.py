"""Which positions may be given before others are drawn: the order decides, and some other order may serve."""

from __future__ import annotations

__all__ = ["verify_given", "whole_mask"]

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from ppgen.distributions.orders import SYMMETRIES, Order, named, raster
from ppgen.errors import DataError, SettingError


def verify_given(value: Tensor, given: Tensor, order: Order, num_channels: int) -> Tensor:
    """The mask of what is given, if a draw of the rest by this order is a draw of ``p(hidden | given)``.

    It is one where every given position stands before every hidden one: those are clamped, these drawn in order. A
    given position behind a hidden one would have to be conditioned on by Bayes' rule, at the price of all values of the
    hidden ones.

    Args:
        value: ``[*batch, *channels, *positions]``.
        given: bool, whatever broadcasts against ``value``: ``[*positions]`` for all data alike.
        order: of the positions.
        num_channels: how many values a position has.

    Returns:
        ``[*batch, num_positions]``, along the order's ``positions``.

    Raises:
        DataError: a mask of another type or shape, or one that parts the channels of a position.
        SettingError: a given position behind a hidden one; the text says which order would serve.
    """
    mask = whole_mask(value, given, order.positions)
    batch = value.shape[: value.dim() - len(order.positions)]
    mask = mask.reshape(*batch, len(order))
    if num_channels > 1:
        mask = mask.reshape(-1, num_channels, len(order))
        if not torch.equal(mask.all(1), mask.any(1)):
            raise DataError(
                "complete: the mask gives some channels of a position and hides others, which are drawn together",
                expected="one mask for all channels of a position",
                got="a position of which a part is given",
                fix=f"mask = mask.all(-{len(order.positions) + 1}, keepdim=True), "
                "or channels as positions: order=orders.raster((channels, height, width))",
                code="D104",
            )
        mask = mask[:, 0]
    mask = mask.reshape(-1, len(order))
    if not _serves(order, mask):
        raise SettingError(
            "complete: a position is given that is drawn after a hidden one, so that the rest cannot be drawn exactly",
            expected="a mask that gives the first positions of the model's order, and hides the others",
            got=_first_fault(order, mask),
            fix=_serving(order, mask),
            code="S177",
        )
    return mask


def whole_mask(value: Tensor, given: Tensor, positions: Sequence[int]) -> Tensor:
    """The mask of what is given, for every value: [*batch, *event].

    Args:
        value: ``[*batch, *event]``.
        given: bool, whatever broadcasts against ``value``.
        positions: a shape that would do, for the message.

    Raises:
        DataError: a mask of another type or shape.
    """
    if given.dtype != torch.bool:
        raise DataError(
            "complete: the mask is not made of true and false",
            expected="a bool tensor, true where a value is given",
            got=str(given.dtype).removeprefix("torch."),
            fix="mask = mask.bool()",
            code="D102",
        )
    try:
        return given.expand(value.shape)
    except RuntimeError as error:
        raise DataError(
            "complete: the mask is not that of these values",
            expected=f"a shape that broadcasts against {list(value.shape)}, such as {list(positions)}",
            got=f"shape {list(given.shape)}",
            fix=f"mask = torch.ones({tuple(positions)}, dtype=torch.bool), and false where values are to be drawn",
            code="D103",
        ) from error


def _serves(order: Order, mask: Tensor) -> bool:
    """Whether along the order each row of ``[N, num_positions]`` is given first and hidden then."""
    drawn = order.arrange(mask.unflatten(-1, order.positions)).flatten(1)
    return not bool((~drawn[:, :-1] & drawn[:, 1:]).any())


def _first_fault(order: Order, mask: Tensor) -> str:
    drawn = order.arrange(mask.unflatten(-1, order.positions)).flatten(1)
    row = int((~drawn[:, :-1] & drawn[:, 1:]).any(1).int().argmax())
    places = order.arrange(torch.arange(len(order)).reshape(order.positions)).flatten()
    hidden = int(drawn[row].int().argmin())
    later = hidden + int(drawn[row, hidden:].int().argmax())
    (before, after) = (_place(int(places[when]), order.positions) for when in (hidden, later))
    return f"row {row}: position {after} is given, and position {before}, which is drawn before it, is hidden"


def _place(index: int, positions: tuple[int, ...]) -> tuple[int, ...] | int:
    place = tuple(int(each) for each in torch.unravel_index(torch.tensor(index), positions))
    return place[0] if len(place) == 1 else place


def _serving(order: Order, mask: Tensor) -> str:
    """The order that serves for all rows, a symmetry of the raster where one does: by its name where it has one."""
    positions = order.positions
    for name in SYMMETRIES if len(positions) == 2 else ():
        if _serves(named(name, positions), mask):
            return f'a model of order="{name}"'
    for count in range(len(positions) + 1):
        for flip in itertools.combinations(range(len(positions)), count):
            for transpose in (False, True)[: 1 + (len(positions) > 1)]:
                if _serves(raster(positions, flip=flip, transpose=transpose), mask):
                    words = [str(positions), *([f"flip={flip}"] if flip else []), *["transpose=True"] * transpose]
                    return f"a model of order=orders.raster({', '.join(words)})"
    if bool((mask == mask[:1]).all()):
        first = "torch.argsort(~mask.flatten(), stable=True)"
        return f"a model of order=orders.permutation({first}, {positions}), mask of shape {list(positions)}"
    return "complete the data of each mask apart, each by a model fitted with orders.permutation of its own"
