"""Unpaired translation: two generators between two domains, each of which undoes the other."""

from __future__ import annotations

__all__ = ["CycleGAN"]

import functools
from collections.abc import Callable, Sequence
from typing import Literal

import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, implicit


class CycleGAN(Model):
    """to_b = output(forth(a)) is to look like the domain ``b``, and to_a = output(back(b)) like ``a``.

    The rows of ``a`` and ``b`` were never paired. What ties an image to its translation is that there is a way back:
    ``back(forth(a)) = a`` and ``forth(back(b)) = b``, which ``CycleTranslation()`` asks for. The program run on its own
    draws is that way: ``model({"a": to_a, "b": to_b})``.

    Reference: J.-Y. Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017
    (arXiv 1703.10593).

    Fit with: no guide, ``ppgen.CycleTranslation()``, on ``ppgen.data.unpaired(a=..., b=...)``.

    Args:
        a_shape: ``(channels, height, width)`` of one domain.
        b_shape: likewise of the other, of the same size.
        width: channels of both generators at full size.
        num_blocks: residual blocks of each.
        output: the last activation: ``"sigmoid"`` for values in (0, 1), ``"tanh"`` for (-1, 1), ``"none"`` for any.
        num_halvings: of the images' size, between which the blocks are; 1 for small images of thin strokes.
        translator: what both generators are. ``"residual"`` draws every pixel anew
            (:class:`ppgen.nets.ResidualTranslator`); ``"affine"`` moves all images alike and corrects them
            (:class:`ppgen.nets.AffineTranslator`): for domains that differ by a slant, a turn, a size.

    Raises:
        SettingError: for domains that are no images of one height and width.

    Example:
        >>> model = CycleGAN((1, 8, 8), (3, 8, 8), width=4)
        >>> drawn = model({"a": torch.zeros(5, 1, 8, 8), "b": torch.zeros(5, 3, 8, 8)})
        >>> drawn["to_b"].shape, drawn["to_a"].shape
        (torch.Size([5, 3, 8, 8]), torch.Size([5, 1, 8, 8]))
    """

    @checked
    def __init__(
        self,
        a_shape: Sequence[int],
        b_shape: Sequence[int],
        width: int = 32,
        num_blocks: int = 3,
        output: Literal["sigmoid", "tanh", "none"] = "sigmoid",
        num_halvings: int = 2,
        translator: Literal["residual", "affine"] = "residual",
    ) -> None:
        super().__init__()
        nets.one_size("CycleGAN", a_shape, b_shape)
        (a_channels, *_), (b_channels, *_) = a_shape, b_shape
        kinds: dict[str, Callable[..., torch.nn.Module]] = {
            "residual": nets.ResidualTranslator,
            "affine": functools.partial(nets.AffineTranslator, output=output),
        }
        self.forth = kinds[translator](a_shape, b_channels, width, num_blocks, num_halvings)
        self.back = kinds[translator](b_shape, a_channels, width, num_blocks, num_halvings)
        self.output = nets.output_range(output)

    @implicit
    def to_b(self, a: torch.Tensor) -> torch.Tensor:
        """What an image of ``a`` would be in ``b``."""
        return self.output(self.forth(a))

    @implicit
    def to_a(self, b: torch.Tensor) -> torch.Tensor:
        """What an image of ``b`` would be in ``a``."""
        return self.output(self.back(b))

    def column_of(self, site: str) -> str:
        """The domain that a site's draws are to look like."""
        return site.removeprefix("to_")
