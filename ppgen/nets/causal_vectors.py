"""What fully connected causal networks have in common: vectors, or images laid out as vectors, a position at a time."""

from __future__ import annotations

__all__ = ["CausalVectorNetwork"]

import abc
from collections.abc import Callable, Sequence
from math import prod

from torch import Tensor

from ppgen.arguments import Recorded, finite_number, whole_number
from ppgen.errors import SettingError


class CausalVectorNetwork(Recorded, abc.ABC):
    """A network without a sense of place that gives each position parameters that depend on those before it only.

    A position is one number of a vector, or a pixel of an image with all its channels. A network derived from this one
    fills in ``_of_positions``, for all at once, and, to be sampled fast, ``start`` and ``step`` as
    :class:`~ppgen.distributions.SteppingNetwork` describes them.

    Args:
        x_shape: ``(length,)`` of a vector, ``(channels, height, width)`` of an image.
        context_dim: size of a vector that every position is conditioned on; 0 for none.
        num_parameters: of each position.
        highest: the largest value, above 0, where values from 0 to it are read as -1 to 1; None for real numbers, which
            are read as they are.

    Shapes:
        x ``[*batch, *x_shape]``, context ``[*batch, context_dim]`` ->
        parameters ``[*batch, num_parameters, *positions]``

    Raises:
        SettingError: a shape that is neither a vector's nor an image's; numbers out of range; when called, data of
            another shape, or a context that is missing, too much or of another size.
    """

    def __init__(self, x_shape: Sequence[int], context_dim: int, num_parameters: int, highest: float | None) -> None:
        super().__init__()
        name, shape = type(self).__name__, tuple(x_shape)
        if len(shape) not in (1, 3):
            raise SettingError(
                f"{name}: the network orders the numbers of vectors, or the pixels of images",
                expected="x_shape=(length,) or (channels, height, width)",
                got=f"x_shape={shape}",
                fix="x = x.flatten(1), or x = x.unsqueeze(1) where the channel of an image is missing",
                code="S183",
            )
        self.x_shape, self.positions = shape, shape[-2:]
        self.channels, self.length = prod(shape[:-2]), prod(shape[-2:])
        self.context_dim, self.num_parameters = context_dim, whole_number(f"{name}: num_parameters", num_parameters)
        self.scale, self.offset = 1.0, 0.0
        if highest is not None:
            self.scale = 2.0 / finite_number(f"{name}: highest", highest, above=0.0, suggested=1.0)
            self.offset = -1.0

    @abc.abstractmethod
    def _of_positions(self, x: Tensor, context: Tensor | None) -> Tensor:
        """The parameters of all positions, ``[size, num_parameters, length]``.

        Args:
            x: ``[size, length * channels]``, the values of a position side by side, as they are read.
            context: ``[size, context_dim]``, or None.
        """

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The parameters ``[*batch, num_parameters, *positions]`` of all positions at once.

        Args:
            x: ``[*batch, *x_shape]``.
            context: ``[*batch, context_dim]``, or None.
        """
        return self.through(self._of_positions, x, context)

    def through(self, network: Callable[[Tensor, Tensor | None], Tensor], x: Tensor, context: Tensor | None) -> Tensor:
        """The parameters ``[*batch, num_parameters, *positions]`` by a function of flat data.

        Args:
            network: as :meth:`_of_positions`.
            x: ``[*batch, *x_shape]``.
            context: ``[*batch, context_dim]``, or None.
        """
        batch = x.shape[: x.dim() - len(self.x_shape)]
        self._must_suit(x.shape[len(batch) :], context)
        size = prod(batch)
        flat = self._read(x.reshape(size, self.channels, self.length).mT.reshape(size, -1))
        if context is not None:
            context = context.expand(*batch, context.shape[-1]).reshape(size, context.shape[-1])
        return network(flat, context).reshape(*batch, self.num_parameters, *self.positions)

    def _read(self, x: Tensor) -> Tensor:
        """Values from 0 to ``highest`` as -1 to 1; real numbers as they are."""
        return self.scale * x + self.offset

    def _must_suit(self, shape: Sequence[int], context: Tensor | None) -> None:
        """Refuse data and contexts that the network was not made for; ``shape`` is that of one datum."""
        given = 0 if context is None else context.shape[-1]
        if tuple(shape) != self.x_shape or given != self.context_dim:
            name = type(self).__name__
            raise SettingError(
                f"{name}: the network was made for other inputs",
                expected=f"data of shape {self.x_shape}, a context of size {self.context_dim}",
                got=f"data of shape {tuple(shape)}, a context of size {given}",
                fix=f"{name}({tuple(shape)}, context_dim={given})",
                code="S184",
            )
