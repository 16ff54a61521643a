"""A path of states, each drawn given the one before it."""

from __future__ import annotations

__all__ = ["Markov"]

import copy
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.distributions import constraints


class Markov(TorchDistribution):
    """The distribution of a path ``z = (z_1 .. z_T)`` of a Markov chain with vectors as states.

    ``log p(z) = log initial(z_1) + sum_{t > 1} log transition(z_t | z_{t-1})``

    The whole path is known where it is scored, so that ``log_prob`` calls the transition once, for all steps together;
    ``rsample`` walks, one call a step, and is differentiable if the parts are.

    Args:
        initial: of the first state: batch shape ``[*batch]``, event shape ``[dim]``.
        transition: maps states ``[..., dim]`` (and inputs ``[..., input_dim]``, if there are any) to the distribution
            of the next ones: batch shape ``[...]``, event shape ``[dim]``. The same at every step but for its inputs.
        length: T, the number of states.
        inputs: ``[*batch, T - 1, input_dim]``, what the transition reads at each step beside the state; or None.

    Shapes:
        batch_shape is ``[*batch]``, event_shape is ``[T, dim]``.

    Example:
        >>> import pyro.distributions as dist
        >>> start = dist.Normal(torch.zeros(2), 1.0).to_event(1)
        >>> walk = Markov(start, lambda z: dist.Normal(z, 0.1).to_event(1), length=7)
        >>> walk.expand([3]).rsample().shape, walk.log_prob(torch.zeros(3, 7, 2)).shape
        (torch.Size([3, 7, 2]), torch.Size([3]))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support: Any = constraints.independent(constraints.real, 2)
    has_rsample = True

    def __init__(
        self,
        initial: Any,
        transition: Callable[..., Any],
        length: int,
        inputs: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        batch_shape = initial.batch_shape
        if inputs is not None:
            batch_shape = torch.broadcast_shapes(batch_shape, inputs.shape[:-2])
            inputs = inputs.expand(*batch_shape, *inputs.shape[-2:])
        self.initial, self.inputs = initial.expand(batch_shape), inputs
        self.transition, self.length = transition, length
        super().__init__(batch_shape, torch.Size((length, *initial.event_shape)), validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Markov:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        new = copy.copy(self)
        new._batch_shape = torch.Size(batch_shape)
        new.initial = self.initial.expand(new._batch_shape)
        if self.inputs is not None:
            new.inputs = self.inputs.expand(*new._batch_shape, -1, -1)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-densities in nats.

        Args:
            value: ``[*shape, T, dim]``; ``shape`` broadcasts against ``batch_shape``.

        Returns:
            The broadcast of ``shape`` and ``batch_shape``.
        """
        if self._validate_args:
            self._validate_sample(value)
        first = self.initial.log_prob(value[..., 0, :])
        if self.length == 1:
            return first
        before, after = value[..., :-1, :], value[..., 1:, :]
        steps = self.transition(before) if self.inputs is None else self.transition(before, self.inputs)
        return first + steps.log_prob(after).sum(-1)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Paths ``[*sample_shape, *batch_shape, T, dim]``."""
        path = [self.initial.rsample(torch.Size(sample_shape))]
        for step in range(self.length - 1):
            given = () if self.inputs is None else (self.inputs[..., step, :],)
            path.append(self.transition(path[-1], *given).rsample())
        return torch.stack(path, -2)
