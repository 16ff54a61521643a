"""Boxes in coordinates in which the uniform distribution over them is the standard normal one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.transforms import ComposeTransform, IndependentTransform, SigmoidTransform, Transform

__all__ = ["NormalCDF", "through_normal"]


class NormalCDF(Transform):
    """``y = Phi(u)``: from the real line to (0, 1), where a standard normal u becomes a uniform y.

    A flow that is at rest, or a Gaussian, is then a uniform prior itself, up to its edges. In logistic coordinates,
    which are usual, no Gaussian is: its tails are too light, and its density falls to 0 at both ends.

    Values stay half a rounding error of their type away from 0 and 1, where u would be infinite.

    Shapes:
        ``[...] -> [...]``

    Example:
        >>> NormalCDF()(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([0.1587, 0.5000, 0.8413])
    """

    domain: Any = constraints.real
    codomain: Any = constraints.unit_interval
    bijective = True
    sign: Any = +1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NormalCDF)

    def _call(self, x: Tensor) -> Tensor:
        return _inside(torch.special.ndtr(x))

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.special.ndtri(_inside(y))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -0.5 * (x.square() + _LOG_TWO_PI)


_LOG_TWO_PI = 1.8378770664093453


def _inside(y: Tensor) -> Tensor:
    edge = torch.finfo(y.dtype).eps / 2
    return y.clamp(edge, 1.0 - edge)


def through_normal(to_box: Transform) -> Transform:
    """The bijection to a box by :class:`NormalCDF`, of the one by the logistic function.

    Args:
        to_box: to an interval, as ``biject_to`` gives it; another transform is given back as it is.
    """
    if isinstance(to_box, SigmoidTransform):
        return NormalCDF()
    if isinstance(to_box, ComposeTransform):
        return ComposeTransform([through_normal(part) for part in to_box.parts])
    if isinstance(to_box, IndependentTransform):
        return IndependentTransform(through_normal(to_box.base_transform), to_box.reinterpreted_batch_ndims)
    return to_box
