"""A generator of images in residual blocks."""

from __future__ import annotations

__all__ = ["ResidualDecoder"]

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.encoders import stages
from ppgen.nets.layers import over_batch
from ppgen.nets.spectral_norms import with_spectral_norms


class ResidualDecoder(Recorded):
    """One affine map to a small image, residual blocks that double it, and a convolution to the image.

    ``h' = skip(up(h)) + conv(relu(norm(conv(up(relu(norm(h)))))))``, where ``up`` repeats each pixel in a square. Sizes
    that are no power of two are cut to what the matching stage of a critic saw: 4 -> 7 -> 14 -> 28.

    Reference: the generators of T. Miyato et al., "Spectral normalization for generative adversarial networks", 2018
    (arXiv 1802.05957), table 4; with their layers' spectral norms, those of H. Zhang et al., "Self-attention generative
    adversarial networks", 2019 (arXiv 1805.08318), section 3.3.

    Args:
        latent_dim: size of the latent vector.
        x_shape: ``(channels, height, width)``.
        hidden: channels of the stages, the image's end first; by default those of ``ImageEncoder``.
        batch_norm: whether blocks are normalised over the batch (in evaluation, by running statistics): the events of
            a batch in training then depend on each other.
        spectral: whether every layer is divided by its spectral norm.

    Shapes:
        ``[*batch, latent_dim] -> [*batch, channels, height, width]``, unbounded values

    Example:
        >>> import torch
        >>> ResidualDecoder(4, (3, 12, 10), hidden=(8, 8), spectral=True)(torch.zeros(5, 4)).shape
        torch.Size([5, 3, 12, 10])
    """

    @checked
    def __init__(
        self,
        latent_dim: int,
        x_shape: Sequence[int],
        hidden: Sequence[int] | None = None,
        batch_norm: bool = False,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        sizes, (channels, first, *rest) = stages(x_shape, hidden)
        widths = [first, first, *rest][::-1]
        self.sizes = sizes[::-1]
        self.small_shape = (widths[0], *sizes[-1])
        self.seed = nn.Linear(latent_dim, prod(self.small_shape))
        self.blocks = nn.ModuleList(_Block(before, after, batch_norm) for before, after in pairwise(widths))
        self.norm = _norm(first, batch_norm)
        self.head = nn.Conv2d(first, channels, kernel_size=3, padding=1)
        if spectral:
            with_spectral_norms(self)

    def forward(self, z: Tensor) -> Tensor:
        """Tensors ``[*batch, channels, height, width]`` from latent vectors ``[*batch, latent_dim]``."""
        return over_batch(self._grow, z, event_dim=1)

    def _grow(self, z: Tensor) -> Tensor:
        h = self.seed(z).reshape(-1, *self.small_shape)
        for block, (height, width) in zip(self.blocks, self.sizes[1:], strict=True):
            h = block(h)[..., :height, :width]
        return self.head(functional.relu(self.norm(h)))


class _Block(nn.Module):
    """A correction of two convolutions beside a shortcut of one, at twice the size."""

    def __init__(self, before: int, after: int, batch_norm: bool) -> None:
        super().__init__()
        self.first_norm, self.second_norm = _norm(before, batch_norm), _norm(after, batch_norm)
        self.first = nn.Conv2d(before, after, kernel_size=3, padding=1)
        self.second = nn.Conv2d(after, after, kernel_size=3, padding=1)
        self.skip = nn.Conv2d(before, after, kernel_size=1)

    def forward(self, h: Tensor) -> Tensor:
        correction = self.first(_doubled(functional.relu(self.first_norm(h))))
        correction = self.second(functional.relu(self.second_norm(correction)))
        return _doubled(self.skip(h)) + correction  # a map of single pixels, the same before as after


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


def _doubled(h: Tensor) -> Tensor:
    return functional.interpolate(h, scale_factor=2)
