"""The last activation of a generator, by the range of the data."""

from __future__ import annotations

__all__ = ["before_output", "output_range"]

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

_RANGES: Mapping[str, Callable[[], nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "none": nn.Identity}
_WITHIN = 0.96


def _logit(x: Tensor) -> Tensor:
    return torch.logit(x.clamp((1 - _WITHIN) / 2, (1 + _WITHIN) / 2))


def _atanh(x: Tensor) -> Tensor:
    return torch.atanh(x.clamp(-_WITHIN, _WITHIN))


def _unchanged(x: Tensor) -> Tensor:
    return x


_BEFORE: Mapping[str, Callable[[Tensor], Tensor]] = {"sigmoid": _logit, "tanh": _atanh, "none": _unchanged}


def output_range(output: str) -> nn.Module:
    """The activation of a name.

    Args:
        output: ``"sigmoid"`` for values in (0, 1), ``"tanh"`` for (-1, 1), ``"none"`` for any.

    Example:
        >>> output_range("tanh")
        Tanh()
    """
    return _RANGES[output]()


def before_output(output: str) -> Callable[[Tensor], Tensor]:
    """The inverse of an activation; of "sigmoid" and "tanh" over the middle 96 % of their range, which keeps it finite.

    Args:
        output: the name of the activation.

    Example:
        >>> x = torch.tensor([0.1, 0.5])
        >>> output_range("sigmoid")(before_output("sigmoid")(x))
        tensor([0.1000, 0.5000])
    """
    return _BEFORE[output]
