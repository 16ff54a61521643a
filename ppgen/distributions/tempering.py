"""Temperature: every conditional of an autoregressive distribution made surer or less sure, by its own family."""

from __future__ import annotations

__all__ = ["Tempered", "Tempering"]

import dataclasses
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from ppgen.distributions.conditionals import Conditional


@runtime_checkable
class Tempering(Protocol):
    """A distribution that can be drawn from at a temperature."""

    def tempered(self, temperature: float) -> Any:
        """The distribution at a temperature above 0, which is normalised too; at 1 it is this one."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Tempered(Conditional):
    """A family at a temperature: what the network says is sharpened before it is scored or drawn.

    Args:
        family: that says by ``sharpened`` what a temperature does to its parameters.
        temperature: above 0; below 1 the likeliest values become likelier.

    Example:
        >>> import torch
        >>> from ppgen.distributions import conditionals
        >>> Tempered(conditionals.Bernoulli(), 0.5).log_prob(torch.full((1, 1), 2.0), torch.ones(1, 1)).exp()
        tensor([0.9820])
        >>> torch.tensor(2.0 / 0.5).sigmoid()
        tensor(0.9820)
    """

    family: Conditional
    temperature: float

    @property
    def support(self) -> Any:
        """The family's."""
        return self.family.support

    @property
    def measure(self) -> str:
        """The family's."""
        return self.family.measure

    def num_parameters(self, channels: int) -> int:
        """The family's."""
        return self.family.num_parameters(channels)

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Log-densities ``[...]`` in nats at this temperature.

        Args:
            parameters: ``[..., num_parameters]``, as the network gives them.
            value: ``[..., channels]``.
        """
        return self.family.log_prob(self.family.sharpened(parameters, self.temperature), value)

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """Draws ``[..., channels]`` at this temperature.

        Args:
            parameters: ``[..., num_parameters]``, as the network gives them.
            channels: values of a position.
        """
        return self.family.sample(self.family.sharpened(parameters, self.temperature), channels)

    def entropy(self, parameters: Tensor, channels: int) -> Tensor:
        """The family's at this temperature, ``[...]`` in nats.

        Args:
            parameters: ``[..., num_parameters]``, as the network gives them.
            channels: values of a position.
        """
        return self.family.entropy(self.family.sharpened(parameters, self.temperature), channels)
