"""A critic of the patches of an image, and of what stands beside it in a pair."""

from __future__ import annotations

__all__ = ["PatchCritic"]

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.encoders import leaky
from ppgen.nets.image_shapes import image_shape
from ppgen.nets.layers import over_batch
from ppgen.nets.spectral_norms import with_spectral_norms

_WINDOW = 18  # pixels that a score of two halvings sees


class PatchCritic(Recorded):
    """One score a patch: convolutions only, so that each score judges the window that it sees and no more.

    With two halvings a window is 18 pixels wide and the next one stands 4 further; with one it is 8 pixels wide. It
    judges texture and edges; whether the whole is right is left to the other terms of an objective. A window that holds
    the image judges the whole, and a translation then changes what is in it, as a seven into a nine. So images of at
    most 18 pixels get one halving. There is no normalisation, so that brightness counts, and a score never
    depends on the batch.

    Reference: P. Isola et al., "Image-to-image translation with conditional adversarial networks", 2017 (arXiv
    1611.07004), section 3.2.2.

    Args:
        x_shape: ``(channels, height, width)`` of the images that are judged.
        given_channels: of the image that each of them is to be a translation of; 0 where there is none.
        hidden: channels of each halving stage; by default ``(32, 64)``, and ``(48,)`` where both sides have at most 18
            pixels.
        spectral: whether every layer is divided by its spectral norm.

    Shapes:
        ``[*batch, channels, height, width] -> [*batch, rows, columns]``

    Example:
        >>> critic = PatchCritic((3, 28, 28), given_channels=1)
        >>> critic(torch.zeros(5, 3, 28, 28), torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 7, 7])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        given_channels: int = 0,
        hidden: Sequence[int] | None = None,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, *sides = image_shape("PatchCritic", x_shape)
        if hidden is None:
            hidden = (32, 64) if max(sides) > _WINDOW else (48,)
        widths = [channels + given_channels, *hidden]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1), leaky()]
        layers += [nn.Conv2d(widths[-1], widths[-1], kernel_size=3, padding=1), leaky()]
        self.network = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, kernel_size=1))
        if spectral:
            with_spectral_norms(self)

    def forward(self, x: Tensor, given: Tensor | None = None) -> Tensor:
        """Scores ``[*batch, rows, columns]`` of images, and of what each is a translation of.

        Args:
            x: ``[*batch, channels, height, width]``.
            given: ``[*batch, given_channels, height, width]``, where there is any.
        """
        pair = x if given is None else torch.cat([x, given], dim=-3)
        return over_batch(self._scores, pair, event_dim=3)

    def _scores(self, pair: Tensor) -> Tensor:
        return self.network(pair).squeeze(1)
