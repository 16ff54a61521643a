"""Observed bits in any type: torch draws them as numbers 0 and 1, and only of such it gives a density."""

from __future__ import annotations

from typing import Any

import torch
from pyro.poutine.messenger import Messenger
from torch import Tensor
from torch.distributions import constraints

from ppgen.declare.supports import support_of

__all__ = ["ObservedBits", "as_numbers", "given_of"]

_GIVEN = "_given"


def as_numbers(value: Tensor, fn: Any) -> Tensor:
    """Booleans, and integers that a distribution over 0 and 1 observes, as the numbers that it would draw.

    Args:
        value: of an observed site, [*plates, *event].
        fn: its distribution.

    Example:
        >>> as_numbers(torch.tensor([True, False]), torch.distributions.Bernoulli(0.5))
        tensor([1., 0.])
    """
    if value.is_floating_point() or not (value.dtype == torch.bool or _is_of_bits(fn)):
        return value
    return value.to(torch.get_default_dtype())


def given_of(node: Any) -> Any:
    """The value of an observed site as the program passed it, [*plates, *event].

    Args:
        node: of a trace.
    """
    return node["infer"].get(_GIVEN, node["value"])


class ObservedBits(Messenger):
    """Lets a hand-written program observe a column of booleans, ``pyro.sample("y", dist.Bernoulli(p), obs=y)``.

    The same column can then be a mask, ``poutine.mask(mask=y)``, which has to be boolean.
    """

    def _pyro_sample(self, message: Any) -> None:
        value = message["value"]
        if message["is_observed"] and isinstance(value, Tensor):
            message["value"] = as_numbers(value, message["fn"])
            if message["value"] is not value:
                message["infer"] = {**message["infer"], _GIVEN: value}


def _is_of_bits(fn: Any) -> bool:
    support = support_of(fn)
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support is constraints.boolean
