"""A layer that adds to what it is given."""

from __future__ import annotations

__all__ = ["ResidualBlock"]

from torch import Tensor, nn

from ppgen.nets.recorded import Recorded


class ResidualBlock(Recorded):
    """``h' = h + W_2 silu(W_1 silu(h))``: the identity with a correction, so that deep stacks still pass gradients.

    Reference: K. He et al., "Identity mappings in deep residual networks", 2016 (arXiv 1603.05027).

    Args:
        width: size of h.
        inner: width between the two maps; by default ``width``.

    Shapes:
        ``[*batch, width] -> [*batch, width]``

    Example:
        >>> import torch
        >>> ResidualBlock(8)(torch.zeros(5, 8)).shape
        torch.Size([5, 8])
    """

    def __init__(self, width: int, inner: int | None = None) -> None:
        super().__init__()
        inner = width if inner is None else inner
        self.correction = nn.Sequential(nn.SiLU(), nn.Linear(width, inner), nn.SiLU(), nn.Linear(inner, width))

    def forward(self, h: Tensor) -> Tensor:
        """The corrected features."""
        return h + self.correction(h)
