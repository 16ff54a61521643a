"""A pool of earlier draws, so that a critic does not forget what the generator has given up."""

from __future__ import annotations

__all__ = ["ImagePool"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """The last draws but some, of which a critic is shown half and half with new ones.

    Each draw of a batch meets a place of its own in the pool, chosen at random. An empty place takes it in, and the
    critic sees it; at a place that is taken, by the fall of a coin, the critic sees what lay there, which the new draw
    replaces, or the new draw itself, which is not kept. All of it is buffers: the pool is saved and restored with the
    fit.

    Reference: A. Shrivastava et al., "Learning from simulated and unsupervised images through adversarial training",
    2017 (arXiv 1612.07828), section 2.3, as used by J.-Y. Zhu et al., 2017 (arXiv 1703.10593), section 4, who fill the
    pool first.

    Args:
        size: places.
        shape: of one draw.

    Example:
        >>> pool = ImagePool(4, (1,))
        >>> pool(torch.ones(3, 1)).flatten().tolist(), int(pool.taken.sum())
        ([1.0, 1.0, 1.0], 3)
    """

    images: Tensor
    taken: Tensor

    def __init__(self, size: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("taken", torch.zeros(size, dtype=torch.bool))

    @torch.no_grad()
    def forward(self, drawn: Tensor) -> Tensor:
        """What the critic is shown in place of new draws; the pool changes.

        Args:
            drawn: new draws, [B, *shape]; of more than there are places, the rest are shown as they are.

        Returns:
            Draws, old and new, [B, *shape].
        """
        places = torch.randperm(len(self.images), device=drawn.device)[: len(drawn)]
        met, coin = drawn[: len(places)], torch.rand(len(places), device=drawn.device) < 0.5
        was_taken = self.taken[places]
        leaves = _by_row(was_taken & coin, met)
        stays = _by_row(was_taken & ~coin, met)
        before = self.images[places]
        self.images[places] = torch.where(stays, before, met)
        self.taken[places] = True
        return torch.cat([torch.where(leaves, before, met), drawn[len(places) :]])


def _by_row(flags: Tensor, like: Tensor) -> Tensor:
    return flags.reshape(-1, *(1,) * (like.dim() - 1))
