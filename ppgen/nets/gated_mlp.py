"""A perceptron whose units open and close."""

from __future__ import annotations

__all__ = ["GatedMLP"]

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from ppgen.nets.labels import join
from ppgen.nets.recorded import Recorded


class GatedMLP(Recorded):
    """Layers ``h' = (W h + b) * sigmoid(V h + c)`` over all inputs, flattened and side by side.

    Reference: Y. Dauphin et al., "Language modeling with gated convolutional networks", 2017 (arXiv 1612.08083), as
    used by J. Tomczak and M. Welling, "VAE with a VampPrior", 2018 (arXiv 1705.07120).

    Args:
        in_shapes: event shape of each input.
        hidden: widths of the layers; the last one is the number of features that come out.

    Shapes:
        ``[*batch, *in_shapes[0]], [*batch, *in_shapes[1]], ... -> [*batch, hidden[-1]]``; batch dimensions broadcast.

    Example:
        >>> import torch
        >>> GatedMLP([(1, 8, 8), (3,)], hidden=(16, 16))(torch.zeros(5, 1, 8, 8), torch.zeros(2, 5, 3)).shape
        torch.Size([2, 5, 16])
    """

    def __init__(self, in_shapes: Sequence[Sequence[int]], hidden: Sequence[int] = (300, 300)) -> None:
        super().__init__()
        self.event_dims = [len(shape) for shape in in_shapes]
        widths = [sum(prod(shape) for shape in in_shapes), *hidden]
        # One map for values and gates: half as many matrix products.
        self.layers = nn.ModuleList(nn.Linear(before, 2 * after) for before, after in pairwise(widths))
        for layer in self.layers:  # torch's default is made for one map; behind closing gates its signal would die out
            nn.init.normal_(layer.weight, std=(2.0 / layer.in_features) ** 0.5)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Features ``[*batch, hidden[-1]]`` of the inputs."""
        flat = [_flatten(x, event_dim) for x, event_dim in zip(inputs, self.event_dims, strict=True)]
        h = join(*flat)
        for layer in self.layers:
            h = nn.functional.glu(layer(h), -1)
        return h


def _flatten(x: Tensor, event_dim: int) -> Tensor:
    return x.reshape(*x.shape[: x.dim() - event_dim], -1)
