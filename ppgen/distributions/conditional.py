"""What an autoregressive distribution asks of a conditional family."""

from __future__ import annotations

__all__ = ["Conditional"]

import abc
from typing import Any

from torch import Tensor

from ppgen.errors import SettingError, Unanswerable


class Conditional(abc.ABC):
    """What :class:`~ppgen.distributions.Autoregressive` asks of a family: how many numbers, density, draw, support.

    A network gives each position a vector of parameters, and the position has ``channels`` values, which the family
    scores and draws *together*: it may take them as independent, as ``Bernoulli`` and ``Categorical`` do, or let one
    depend on another, as a discretized logistic mixture does with the colours of a pixel. A family holds settings
    only, so that one object serves any number of distributions.

    To add a family, derive from this class and fill in all five; ``sharpened`` as well, if it can be drawn at a
    temperature, and ``entropy``, if it is known in closed form.
    """

    @property
    @abc.abstractmethod
    def support(self) -> Any:
        """The constraint of torch that one value satisfies."""

    @property
    @abc.abstractmethod
    def measure(self) -> str:
        """What a density refers to, in the words of a data set: ``"binary"``, ``"8-bit"``, ``"continuous"`` ..."""

    @abc.abstractmethod
    def num_parameters(self, channels: int) -> int:
        """How many parameters a position with this many values takes."""

    @abc.abstractmethod
    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Log-densities in nats, summed over the channels of a position.

        Args:
            parameters: ``[..., num_parameters]``.
            value: ``[..., channels]``.

        Returns:
            ``[...]``
        """

    @abc.abstractmethod
    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """One draw for each position.

        Args:
            parameters: ``[..., num_parameters]``.
            channels: values of a position, which not every family could count from its parameters.

        Returns:
            ``[..., channels]``, in the floating type of the parameters.
        """

    def sharpened(self, parameters: Tensor, temperature: float) -> Tensor:
        """The parameters of the same family at a temperature; below 1 it is surer.

        Args:
            parameters: ``[..., num_parameters]``.
            temperature: above 0; at 1 they stay.

        Raises:
            SettingError: by a family that does not say what a temperature is to it.
        """
        raise SettingError(
            f"temperature: {self!r} has no temperature",
            expected="a family that says by `sharpened` what a temperature does to its parameters",
            got=f"temperature={temperature}",
            fix="temperature=1.0, or a family of logits such as conditionals.Categorical",
            code="S176",
        )

    def entropy(self, parameters: Tensor, channels: int) -> Tensor:
        """``-E log p`` of one position in nats, of all its channels together.

        Args:
            parameters: ``[..., num_parameters]``.
            channels: values of a position.

        Returns:
            ``[...]``

        Raises:
            Unanswerable: by a family that has none in closed form.
        """
        raise Unanswerable(
            f"{self!r} has no entropy in closed form",
            expected="a family that gives it by `entropy`",
            got=f"{channels} values of a position",
            fix="distribution.log_prob_per_position(x): what was drawn has its nats always",
            code="U049",
        )
