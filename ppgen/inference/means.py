"""The mean of a distribution, in closed form or of a few draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

__all__ = ["center", "closed_mean"]

_DRAWS = 16


def center(fn: Any, shape: tuple[int, ...], draws: Callable[[int], Tensor] | None = None) -> Tensor:
    """The mean of a distribution; of a few draws where it has no closed form (a transformed Gaussian).

    What has no gradient through its draws, such as a class, gives its mode: a mean of class indices is no class.

    Args:
        fn: the distribution.
        shape: of one draw, [*plates, *event].
        draws: makes a number of them, [n, *shape]; default: the distribution's own.
    """
    if not fn.has_rsample:
        return fn.mode.expand(shape)
    mean = closed_mean(fn)
    if mean is not None:
        return mean.expand(shape)
    return (fn.sample((_DRAWS,)) if draws is None else draws(_DRAWS)).mean(0)


def closed_mean(fn: Any) -> Tensor | None:
    """A distribution's mean, [*batch, *event]; ``None`` where it has no closed form."""
    try:
        return fn.mean
    except (NotImplementedError, AttributeError):
        return None
