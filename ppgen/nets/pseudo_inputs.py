"""Learned stand-ins for data."""

from __future__ import annotations

__all__ = ["PseudoInputs"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ppgen.nets.recorded import Recorded


class PseudoInputs(Recorded):
    """``u_k = sigmoid(a_k)``, K learned points with values in (0, 1), that are fed to a network in place of data.

    Reference: J. Tomczak and M. Welling, "VAE with a VampPrior", 2018 (arXiv 1705.07120).

    Args:
        num: K.
        x_shape: shape of one data point.

    Shapes:
        ``() -> [num, *x_shape]``

    Example:
        >>> u = PseudoInputs(2, (1, 8, 8))
        >>> u.start_at(torch.ones(2, 1, 8, 8))
        >>> u().shape, float(u().detach().min()) > 0.9
        (torch.Size([2, 1, 8, 8]), True)
    """

    def __init__(self, num: int, x_shape: Sequence[int]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.randn(num, *x_shape))

    def forward(self) -> Tensor:
        """All of them."""
        return self.logits.sigmoid()

    @torch.no_grad()
    def start_at(self, x: Tensor) -> None:
        """Begin near given data ``[num, *x_shape]`` in [0, 1], with logits small enough to move."""
        self.logits.copy_(torch.logit(0.05 + 0.9 * x))
