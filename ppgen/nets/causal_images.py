"""What causal networks over images have in common: what they are given, how they read pixels, and what they refuse."""

from __future__ import annotations

__all__ = ["CausalImageNetwork"]

import abc
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded, finite_number, whole_number
from ppgen.errors import SettingError


class CausalImageNetwork(Recorded, abc.ABC):
    """A network that gives each pixel of an image parameters that depend on the pixels before it only.

    Pixels come in raster order, each with all its channels. A network derived from this one fills in ``_of_pixels``,
    for all pixels at once, and, to be sampled fast, ``start`` and ``step`` as
    :class:`~ppgen.distributions.SteppingNetwork` describes them.

    Args:
        x_shape: ``(channels, height, width)``; the channels of a pixel are drawn together.
        context_dim: size of a vector that every pixel is conditioned on (a latent variable, a label); 0 for none.
        num_parameters: of each pixel.
        highest: the largest value of a pixel, above 0; values from 0 to it are read as -1 to 1.

    Shapes:
        x ``[*batch, channels, height, width]``, context ``[*batch, context_dim]`` ->
        parameters ``[*batch, num_parameters, height, width]``

    Raises:
        SettingError: a shape that is no image's; numbers out of range; when called, images of another size, or a
            context that is missing, too much or of another size.
    """

    def __init__(self, x_shape: Sequence[int], context_dim: int, num_parameters: int, highest: float) -> None:
        super().__init__()
        name = type(self).__name__
        if len(x_shape) != 3:
            raise SettingError(
                f"{name}: the network orders the pixels of images",
                expected="x_shape=(channels, height, width)",
                got=f"x_shape={tuple(x_shape)}",
                fix="x = x.unsqueeze(1), where the channel is missing",
                code="S081",
            )
        num_parameters = whole_number(f"{name}: num_parameters", num_parameters)
        self.context_dim = context_dim
        # Pixels are read from -1 on, so that a dark pixel differs from the padding beyond the border.
        self.scale = 2.0 / finite_number(f"{name}: highest", highest, above=0.0, suggested=1.0)
        self.channels = x_shape[0]
        # Parameters of its own for each pixel: where the ink usually lies need not be learnt by the network.
        self.bias = nn.Parameter(torch.zeros(num_parameters, *x_shape[1:]))

    @abc.abstractmethod
    def _of_pixels(self, x: Tensor, context: Tensor | None) -> Tensor:
        """The parameters of all pixels, but for their bias, ``[size, num_parameters, height, width]``.

        Args:
            x: ``[size, channels, height, width]``, from -1 to 1.
            context: ``[size, context_dim]``, or None.
        """

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The parameters ``[*batch, num_parameters, height, width]`` of all pixels at once.

        Args:
            x: ``[*batch, channels, height, width]``, from 0 to ``highest``.
            context: ``[*batch, context_dim]``, or None.
        """
        batch = x.shape[:-3]
        self._must_suit(x.shape[-3:], context)
        size = prod(batch)
        flat = self._signed(x.reshape(size, *x.shape[-3:]))
        if context is not None:
            context = context.expand(*batch, context.shape[-1]).reshape(size, context.shape[-1])
        return (self._of_pixels(flat, context) + self.bias).reshape(*batch, *self.bias.shape)

    def _signed(self, x: Tensor) -> Tensor:
        """Values from 0 to ``highest`` as -1 to 1."""
        return self.scale * x - 1.0

    def _must_suit(self, shape: Sequence[int], context: Tensor | None) -> None:
        """Refuse images and contexts that the network was not made for; ``shape`` is that of one image."""
        wanted, given = (self.channels, *self.bias.shape[1:]), 0 if context is None else context.shape[-1]
        if tuple(shape) != wanted or given != self.context_dim:
            name = type(self).__name__
            raise SettingError(
                f"{name}: the network was made for other inputs",
                expected=f"images of shape {wanted}, a context of size {self.context_dim}",
                got=f"images of shape {tuple(shape)}, a context of size {given}",
                fix=f"{name}({tuple(shape)}, context_dim={given})",
                code="S082",
            )
