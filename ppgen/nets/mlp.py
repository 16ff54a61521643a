"""The multilayer perceptron."""

from __future__ import annotations

__all__ = ["MLP"]

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from ppgen.nets.recorded import Recorded


class MLP(Recorded, nn.Sequential):
    """Affine maps with an activation between each two of them.

    ``h_0 = x,  h_{l+1} = activation(W_l h_l + b_l)``; the last map has no activation.

    Args:
        in_features: size of the input's last dimension.
        out_features: size of the output's last dimension.
        hidden: widths of the hidden layers; ``()`` gives one affine map.
        activation: makes one activation: a module class, or a function without arguments.

    Shapes:
        ``[*batch, in_features] -> [*batch, out_features]``

    Example:
        >>> import torch
        >>> MLP(3, 2, hidden=(16,))(torch.zeros(5, 7, 3)).shape
        torch.Size([5, 7, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden: Sequence[int] = (128, 128),
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        widths = [in_features, *hidden, out_features]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), activation()]
        super().__init__(*layers[:-1])
