"""What an autoregressive distribution asks of a network, and how any causal network is walked through."""

from __future__ import annotations

__all__ = ["CausalNetwork", "SteppingNetwork", "WholePasses"]

import dataclasses
from collections.abc import Iterator
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

State = TypeVar("State")


class CausalNetwork(Protocol):
    """A torch module that gives the parameters of all conditionals at once.

    Positions are counted in raster order of what it is given, and ``parameters[..., k]`` must not depend on values
    from position k on. The order of drawing is none of its business: it sees values in the order in which they are
    drawn. One that ties weights to places whatever their order (masks by pixel, embeddings of coordinates) is made with
    the same order, and takes its input by ``order.restore`` and gives its output by ``order.arrange``.

    A network without ``start`` and ``step`` is sampled by a whole pass for each position.
    """

    def __call__(self, x: Tensor, *context: Tensor) -> Tensor:
        """The parameters of all conditionals.

        Args:
            x: ``[*batch, *channels, *positions]``: images ``[*batch, channels, height, width]``, sequences
                ``[*batch, length]``; all of the batch is one datum each.
            context: nothing, or one tensor ``[..., context_dim]`` that broadcasts against ``batch``.

        Returns:
            ``[*batch, num_parameters, *positions]``, as convolutions lay it out and ``torch``'s cross-entropy reads it.
        """
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Its weights; the first one says on which device and in which type draws are made."""
        ...


@runtime_checkable
class SteppingNetwork(Protocol[State]):
    """A causal network that also gives one conditional after the other, without computing anything twice.

    All that it remembers lies in a state, which the caller carries on, so that two draws never disturb each other and
    a state can be looked at, moved and stored. A step uses its state up: it may write into it.
    """

    def start(self, size: int, context: Tensor | None) -> State:
        """The state before the first position.

        Args:
            size: how many data are drawn together.
            context: ``[size, context_dim]``, or None.
        """
        ...

    def step(self, state: State, previous: Tensor, position: int) -> tuple[Tensor, State]:
        """The parameters of the next conditional; they equal those of a whole pass.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the position before this one; zeros at position 0.
            position: 0, 1, 2 ... in raster order.

        Returns:
            Parameters ``[size, num_parameters]``, and the state for the next step.
        """
        ...


@dataclasses.dataclass
class Drawn:
    """The values that are known so far.

    Args:
        values: ``[size, channels, num_positions]``.
        context: nothing, or one tensor ``[size, context_dim]``.
    """

    values: Tensor
    context: tuple[Tensor, ...]


class WholePasses:
    """Any causal network as a stepping one: a pass over all positions for each of them.

    Args:
        network: the network.
        like: zeros ``[channels, num_positions]`` on its device and in its type.
        shape: of one datum as the network reads it, ``[*channels, *positions]``.
    """

    def __init__(self, network: CausalNetwork, like: Tensor, shape: tuple[int, ...]) -> None:
        self.network, self.like, self.shape = network, like, shape

    def start(self, size: int, context: Tensor | None) -> Drawn:
        """No values yet.

        Args:
            size: how many data are drawn together.
            context: ``[size, context_dim]``, or None.
        """
        return Drawn(self.like.new_zeros(size, *self.like.shape), () if context is None else (context,))

    def step(self, state: Drawn, previous: Tensor, position: int) -> tuple[Tensor, Drawn]:
        """The parameters ``[size, num_parameters]`` of one position.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the position before this one.
            position: 0, 1, 2 ... in raster order.
        """
        if position > 0:
            state.values[..., position - 1] = previous
        parameters = self.network(state.values.reshape(len(state.values), *self.shape), *state.context)
        return parameters.flatten(2)[..., position], state
