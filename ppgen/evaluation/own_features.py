"""A network of the user's own, in whose features samples are judged."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ppgen.context import evaluating
from ppgen.errors import DataError
from ppgen.evaluation.features import hash_of

__all__ = ["OwnFeatures"]

_BATCH = 256


class OwnFeatures:
    """A module as a network of features: run in evaluation mode, without gradients, in batches, where its weights are.

    Args:
        network: from data [N, *event_shape] as the data set has them to features [N, F]; of more dimensions they are
            flattened.

    Example:
        >>> OwnFeatures(nn.Flatten()).features(torch.zeros(5, 1, 2, 3)).shape
        torch.Size([5, 6])
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @property
    def hash(self) -> str:
        """SHA-256 over the module's class and weights."""
        return hash_of(self.network, type(self.network).__qualname__)

    def features(self, x: Tensor) -> Tensor:
        """Features [N, F] on the CPU of data x [N, *event_shape] anywhere.

        Raises:
            DataError: unless there are finite real numbers for each data point.
        """
        held = next(self.network.parameters(), None)
        where = torch.device("cpu") if held is None else held.device
        with evaluating(self.network):
            found = [self._checked(self.network(part.detach().to(where)), len(part)) for part in x.split(_BATCH)]
        return torch.cat(found)

    def _checked(self, found: Any, size: int) -> Tensor:
        is_table = isinstance(found, Tensor) and found.is_floating_point() and found.dim() > 1 and len(found) == size
        if not is_table or not torch.isfinite(found).all():
            raise DataError(
                f"{type(self.network).__name__}: these are no features",
                expected=f"a tensor [{size}, F] of finite real numbers for {size} data points",
                got=f"{found.dtype} {list(found.shape)}" if isinstance(found, Tensor) else type(found).__name__,
                fix="let forward(x) return one tensor, [N, F]",
                code="D142",
            )
        return found.flatten(1).cpu().float()
