"""What a MADE remembers while it is drawn from: every unit is computed once, when the last value it sees is known."""

from __future__ import annotations

__all__ = ["LayerState", "MadeState"]

import dataclasses

import torch
from torch import Tensor


@dataclasses.dataclass
class LayerState:
    """A hidden layer, its units sorted by degree, so that those that are known stand in front.

    Args:
        ready: for each position, how many units see nothing from it on.
        base: bias, and what the context adds to it, ``[size or 1, units]``.
        weight: ``[inputs, units]``, both sorted; what a mask would keep is a block.
        units: those that are known, ``[size, units]``; zeros behind them.
    """

    ready: list[int]
    base: Tensor
    weight: Tensor
    units: Tensor


@dataclasses.dataclass
class MadeState:
    """All layers, and what is drawn already.

    Args:
        seen: values in the order of drawing, as they are read, ``[size, length * channels]``; zeros behind them.
        layers: the hidden ones.
        base: of the outputs of each position, ``[length, size or 1, num_parameters]``.
        last: weights to these from the last layer, ``[length, units, num_parameters]``.
        direct: likewise from the values, ``[length, length * channels, num_parameters]``; None without.
    """

    seen: Tensor
    layers: list[LayerState]
    base: Tensor
    last: Tensor
    direct: Tensor | None

    def next(self, position: int, known: int) -> Tensor:
        """The parameters ``[size, num_parameters]`` of a position; the units that it is the first to see are computed.

        Args:
            position: in the order of drawing.
            known: how many values stand before it.
        """
        features = self.seen[:, :known]
        for layer in self.layers:
            first, last = layer.ready[position - 1] if position else 0, layer.ready[position]
            if last > first:
                here = slice(first, last)
                block = layer.weight[: features.shape[1], here]
                layer.units[:, here] = torch.addmm(layer.base[:, here], features, block).relu()
            features = layer.units[:, :last]
        found = torch.addmm(self.base[position], features, self.last[position, : features.shape[1]])
        if self.direct is not None:
            found = torch.addmm(found, self.seen[:, :known], self.direct[position, :known])
        return found
