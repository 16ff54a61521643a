"""A critic of images in residual blocks."""

from __future__ import annotations

__all__ = ["ResidualCritic"]

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.encoders import leaky, stages
from ppgen.nets.layers import over_batch
from ppgen.nets.spectral_norms import with_spectral_norms


class ResidualCritic(Recorded):
    """One score an image: residual blocks that halve it, a sum over what is left, and an affine map.

    ``h' = pool(skip(h) + conv(leaky(conv(leaky(h)))))``; the first block reads the image itself, without an activation.
    It has no batch normalisation, so that a score never depends on the batch.

    Reference: the critics of T. Miyato et al., "Spectral normalization for generative adversarial networks", 2018
    (arXiv 1802.05957), figure 9, with leaky units.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: channels of each halving block; by default those of ``ImageEncoder``.
        spectral: whether every layer is divided by its spectral norm.

    Shapes:
        ``[*batch, channels, height, width] -> [*batch]``

    Example:
        >>> import torch
        >>> ResidualCritic((3, 12, 10), hidden=(8, 8), spectral=True)(torch.zeros(5, 3, 12, 10)).shape
        torch.Size([5])
    """

    @checked
    def __init__(self, x_shape: Sequence[int], hidden: Sequence[int] | None = None, spectral: bool = False) -> None:
        super().__init__()
        _, widths = stages(x_shape, hidden)
        self.blocks = nn.Sequential(
            *(_Block(before, after, is_first=i == 0) for i, (before, after) in enumerate(pairwise(widths)))
        )
        self.activation = leaky()
        self.head = nn.Linear(widths[-1], 1)
        if spectral:
            with_spectral_norms(self)

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``[*batch]`` of images ``[*batch, channels, height, width]``."""
        return over_batch(self._scores, x, event_dim=3)

    def _scores(self, x: Tensor) -> Tensor:
        return self.head(self.activation(self.blocks(x)).sum((-2, -1))).squeeze(-1)


class _Block(nn.Module):
    """A correction of two convolutions beside a shortcut of one, at half the size."""

    def __init__(self, before: int, after: int, is_first: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, kernel_size=3, padding=1)
        self.second = nn.Conv2d(after, after, kernel_size=3, padding=1)
        self.skip = nn.Conv2d(before, after, kernel_size=1)
        self.activation = leaky()
        self.is_first = is_first

    def forward(self, h: Tensor) -> Tensor:
        started = h if self.is_first else self.activation(h)
        correction = self.second(self.activation(self.first(started)))
        # A side of odd length is rounded up, as in a strided convolution.
        return functional.avg_pool2d(self.skip(h) + correction, 2, ceil_mode=True)
