"""The last activation of a generator, by the range of the data."""

from __future__ import annotations

__all__ = ["output_range"]

from collections.abc import Callable, Mapping

from torch import nn

_RANGES: Mapping[str, Callable[[], nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "none": nn.Identity}


def output_range(output: str) -> nn.Module:
    """The activation of a name.

    Args:
        output: ``"sigmoid"`` for values in (0, 1), ``"tanh"`` for (-1, 1), ``"none"`` for any.

    Example:
        >>> output_range("tanh")
        Tanh()
    """
    return _RANGES[output]()
