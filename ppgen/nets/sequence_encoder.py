"""A network that reads a sequence in both directions."""

from __future__ import annotations

__all__ = ["SequenceEncoder"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ppgen.nets.batching import over_batch
from ppgen.nets.recorded import Recorded


class SequenceEncoder(Recorded):
    """A recurrent network in both directions beside one affine map: ``features = silu(V h + c) + W x + b``.

    h holds the states of all steps, so that what happened when is not lost. The affine path is there because the
    posterior mean of a linear-Gaussian state space model, the Kalman smoother's, is affine in x.

    Args:
        event_shape: ``(T, dim)``, length of a sequence and size of one observation.
        out_features: how many features.
        hidden: states of the recurrent network in each direction.

    Shapes:
        ``[*batch, T, dim] -> [*batch, out_features]``

    Example:
        >>> SequenceEncoder((7, 2), 64)(torch.zeros(5, 7, 2)).shape
        torch.Size([5, 64])
    """

    def __init__(self, event_shape: Sequence[int], out_features: int, hidden: int = 32) -> None:
        super().__init__()
        length, dim = event_shape
        self.recurrent = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.mix = nn.Linear(2 * hidden * length, out_features)
        self.affine = nn.Linear(dim * length, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """The features ``[*batch, out_features]`` of sequences ``[*batch, T, dim]``."""
        states = over_batch(lambda flat: self.recurrent(flat)[0], x, event_dim=2)
        return torch.nn.functional.silu(self.mix(states.flatten(-2))) + self.affine(x.flatten(-2))
