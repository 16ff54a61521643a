"""Paired translation: an image is the generator's answer to another image."""

from __future__ import annotations

__all__ = ["Pix2Pix"]

from collections.abc import Sequence
from typing import Literal

import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, implicit


class Pix2Pix(Model):
    """x = output(generator(given)): a picture to its edges, its colours to its greys, the whole to its half.

    Nothing gives p(x | given): the model is trained by ``PairedTranslation()`` on pairs. It draws one x for each given
    image; its authors found that noise beside the image is not listened to, and there is none here.

    Reference: P. Isola et al., "Image-to-image translation with conditional adversarial networks", 2017 (arXiv
    1611.07004).

    Fit with: no guide, ``ppgen.PairedTranslation()``; data by ``ppgen.data.paired`` or with a column ``given``.

    Args:
        x_shape: ``(channels, height, width)`` of the images that are made.
        given_channels: of the images that are given, which are as large.
        hidden: channels of each halving stage of the generator, a :class:`ppgen.nets.UNet`.
        output: the last activation: ``"sigmoid"`` for values in (0, 1), ``"tanh"`` for (-1, 1), ``"none"`` for any.

    Example:
        >>> Pix2Pix((3, 8, 8))({"given": torch.zeros(5, 1, 8, 8)})["x"].shape
        torch.Size([5, 3, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        given_channels: int = 1,
        hidden: Sequence[int] | None = None,
        output: Literal["sigmoid", "tanh", "none"] = "sigmoid",
    ) -> None:
        super().__init__()
        channels, height, width = nets.image_shape("Pix2Pix", x_shape)
        self.generator = nets.UNet((given_channels, height, width), channels, hidden)
        self.output = nets.output_range(output)

    @implicit
    def x(self, given: torch.Tensor) -> torch.Tensor:
        """The translation, a deterministic function of what is given."""
        return self.output(self.generator(given))
