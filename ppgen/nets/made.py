"""MADE: an autoencoder whose weights are masked so that each output sees only what is drawn before it."""

from __future__ import annotations

__all__ = ["MADE"]

import functools
import itertools
from collections.abc import Iterator, Sequence
from math import prod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import one_of, whole_number
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.distributions.orders import SYMMETRIES, named, permutation
from ppgen.nets.causal_vectors import CausalVectorNetwork
from ppgen.nets.made_steps import LayerState, MadeState

_RANDOM = "random"


class MADE(CausalVectorNetwork):
    """A fully connected network of several layers in which no way leads from a value to the parameters before it.

    Every hidden unit has a degree m: it sees the first m positions of the order. A weight stays where the degree does
    not fall on the way, and an output sees the units of smaller degree than its own rank. The same weights serve
    several sets of masks, each with an order and degrees of its own, so that one network is an ensemble of models:
    :attr:`members`. Masks are made of the degrees at each call, multiply the weights, and are never written into them.

    ``step`` computes the units of one degree at a time, so that a draw of all positions costs about one pass.

    Reference: M. Germain et al., "MADE: masked autoencoder for distribution estimation", 2015 (arXiv 1502.03509).

    Args:
        x_shape: ``(length,)`` of a vector, ``(channels, height, width)`` of an image.
        hidden: units of each hidden layer.
        num_masks: sets of masks; the degrees of one alone are spread evenly, those of several are drawn.
        order: of the positions: ``"random"``, another for each set of masks; else one for all of them, by a name of
            ``orders.named`` or made already.
        direct: whether each output also reads the values before it directly, without hidden units.
        seed: of orders and degrees that are drawn.
        context_dim: size of a vector that every position is conditioned on; 0 for none.
        num_parameters: of each position.
        highest: the largest value, above 0, where values from 0 to it are read as -1 to 1; None for real numbers, which
            are read as they are.

    Shapes:
        x ``[*batch, *x_shape]``, context ``[*batch, context_dim]`` ->
        parameters ``[*batch, num_parameters, *positions]``, both in the order of drawing: of the first set of masks,
        where the network itself is called, of its own where one of the :attr:`members` is

    Raises:
        SettingError: a shape that is neither a vector's nor an image's; numbers out of range; when called, data of
            another shape, or a context that is missing, too much or of another size.

    Example:
        >>> network = MADE((1, 8, 8), hidden=(32, 32), num_masks=3, order="random")
        >>> network(torch.zeros(5, 1, 8, 8)).shape, len(network.members)
        (torch.Size([5, 1, 8, 8]), 3)
        >>> small = MADE((4,), hidden=(3,))
        >>> small.degrees_0.tolist()  # of its hidden units: how many positions each sees, less one
        [[0, 1, 2]]
    """

    ranks: Tensor

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: Sequence[int] = (500,),
        num_masks: int = 1,
        order: str | Order = "raster",
        direct: bool = True,
        seed: int = 0,
        context_dim: int = 0,
        num_parameters: int = 1,
        highest: float | None = 1.0,
    ) -> None:
        super().__init__(x_shape, context_dim, num_parameters, highest)
        widths = [self.length * self.channels, *(whole_number("MADE: hidden", width) for width in hidden)]
        outputs = self.num_parameters * self.length
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(widths))
        self.last = nn.Linear(widths[-1], outputs)
        self.direct = nn.Linear(widths[0], outputs, bias=False) if direct and hidden else None
        reads = [*widths[1:], outputs] if context_dim else []
        self.contexts = nn.ModuleList(nn.Linear(context_dim, width, bias=False) for width in reads)
        generator = torch.Generator().manual_seed(seed)
        if not isinstance(order, Order):
            one_of("MADE: order", order, [*SYMMETRIES, _RANDOM])
        self.orders = tuple(_order(self.positions, order, generator) for _ in range(num_masks))
        ranks = [torch.arange(self.length) if each.index is None else each.index.argsort() for each in self.orders]
        self.register_buffer("ranks", torch.stack(ranks))
        # With a context, some units see it alone: the first position is not a linear function of it.
        lowest = -1 if context_dim else 0
        for which, width in enumerate(widths[1:]):
            degrees = [_degrees(width, lowest, self.length, num_masks, generator) for _ in range(num_masks)]
            self.register_buffer(f"degrees_{which}", torch.stack(degrees))

    @property
    def members(self) -> list[MaskSet]:
        """The network under each of its sets of masks: causal networks that share their weights."""
        return [MaskSet(self, which) for which in range(len(self.orders))]

    def _of_positions(self, x: Tensor, context: Tensor | None) -> Tensor:
        return self.under(0, x, context)

    def under(self, which: int, x: Tensor, context: Tensor | None) -> Tensor:
        """The parameters ``[size, num_parameters, length]`` under one set of masks, in its order of drawing.

        Args:
            which: of the sets.
            x: ``[size, length * channels]`` in its order of drawing, the values of a position side by side.
            context: ``[size, context_dim]``, or None.
        """
        order, rank = self.orders[which], self.ranks[which]
        if order.index is not None:
            x = x.unflatten(-1, (self.length, self.channels))[:, rank].flatten(1)
        added = [each(context) for each in self.contexts] if context is not None else []
        features, seen = x, rank.repeat_interleave(self.channels)
        for number, layer in enumerate(self._linears()):
            degrees = self._degrees_of(number, which)
            features = functional.linear(features, masked(layer.weight, seen, degrees + 1), layer.bias)
            features, seen = (features + added[number] if added else features).relu(), degrees
        own = rank.repeat(self.num_parameters)
        found = functional.linear(features, masked(self.last.weight, seen, own), self.last.bias)
        if self.direct is not None:
            seen = rank.repeat_interleave(self.channels)
            found = found + functional.linear(x, masked(self.direct.weight, seen, own))
        found = (found + added[-1] if added else found).unflatten(-1, (self.num_parameters, self.length))
        return found if order.index is None else found[..., order.index.to(found.device)]

    def start(self, size: int, context: Tensor | None = None) -> MadeState:
        """The state before the first position of the first set of masks.

        Args:
            size: how many data are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        return self.start_under(0, size, context)

    def start_under(self, which: int, size: int, context: Tensor | None) -> MadeState:
        """The state before the first position, with units sorted by degree and weights laid out for one step each.

        Args:
            which: of the sets of masks.
            size: how many data are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit(self.x_shape, context)
        added = [each(context) for each in self.contexts] if context is not None else []
        index = self.ranks[which].argsort()
        places = (index.unsqueeze(1) * self.channels + torch.arange(self.channels, device=index.device)).flatten()
        layers, before = [], places
        for number, layer in enumerate(self._linears()):
            degrees, units = self._degrees_of(number, which).sort(stable=True)
            base = layer.bias + added[number] if added else layer.bias.unsqueeze(0)
            ready = torch.searchsorted(degrees, torch.arange(self.length, device=degrees.device)).tolist()
            weight = layer.weight[units][:, before].T.contiguous()
            layers.append(LayerState(ready, base[:, units], weight, weight.new_zeros(size, len(units))))
            before = units
        shape = (self.num_parameters, self.length)
        base = self.last.bias + added[-1] if added else self.last.bias.unsqueeze(0)
        last, direct = (
            None
            if each is None
            else each.weight.unflatten(0, shape)[:, index][..., columns].permute(1, 2, 0).contiguous()
            for each, columns in ((self.last, before), (self.direct, places))
        )
        base = base.unflatten(-1, shape)[..., index].permute(2, 0, 1).contiguous()
        return MadeState(self.last.weight.new_zeros(size, len(places)), layers, base, cast(Tensor, last), direct)

    def step(self, state: MadeState, previous: Tensor, position: int) -> tuple[Tensor, MadeState]:
        """The parameters ``[size, num_parameters]`` of the next position, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the position before this one; not read at position 0.
            position: 0, 1, 2 ... in the order of drawing.
        """
        known = position * self.channels
        if position > 0:
            state.seen[:, known - self.channels : known] = self._read(previous)
        return state.next(position, known), state

    def _linears(self) -> list[nn.Linear]:
        return cast("list[nn.Linear]", list(self.layers))

    def _degrees_of(self, number: int, which: int) -> Tensor:
        """Of the units of one hidden layer: the rank of the last position that each sees."""
        return self.get_buffer(f"degrees_{number}")[which]


def masked(weight: Tensor, seen: Tensor, end: Tensor) -> Tensor:
    """``weight [outputs, inputs]``, zero where an input sees positions from the output's ``end`` on.

    The mask comes in the weights' own type at once: truth values would make the product take thrice as long.
    """
    return weight * torch.lt(seen.float(), end.float().unsqueeze(1), out=torch.empty_like(weight))


class MaskSet:
    """A :class:`MADE` under one of its sets of masks.

    Args:
        network: whose weights they are.
        which: of its sets.
    """

    def __init__(self, network: MADE, which: int) -> None:
        self.network, self.which = network, which

    @property
    def order(self) -> Order:
        """In which its positions are drawn."""
        return self.network.orders[self.which]

    def __call__(self, x: Tensor, *context: Tensor | None) -> Tensor:
        """The parameters ``[*batch, num_parameters, *positions]`` of all positions, in this order of drawing.

        Args:
            x: ``[*batch, *x_shape]``, in the same order.
            context: ``[*batch, context_dim]``, or nothing.
        """
        given = context[0] if context else None
        return self.network.through(functools.partial(self.network.under, self.which), x, given)

    def parameters(self) -> Iterator[nn.Parameter]:
        """The network's, which all sets share."""
        return self.network.parameters()

    def start(self, size: int, context: Tensor | None = None) -> MadeState:
        """The state before the first position of this order.

        Args:
            size: how many data are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        return self.network.start_under(self.which, size, context)

    def step(self, state: MadeState, previous: Tensor, position: int) -> tuple[Tensor, MadeState]:
        """The parameters ``[size, num_parameters]`` of the next position, as :meth:`MADE.step`.

        Args:
            state: from ``start``, or from the step before.
            previous: values ``[size, channels]`` of the position before this one.
            position: 0, 1, 2 ... in the order of drawing.
        """
        return self.network.step(state, previous, position)


def _order(positions: tuple[int, ...], kind: str | Order, generator: torch.Generator) -> Order:
    """An order in which data keep their shape: where things lie is nothing to a fully connected network."""
    if kind == _RANDOM:
        return permutation(torch.randperm(prod(positions), generator=generator), positions)
    chosen = named(kind, positions)
    return chosen if chosen.index is None else permutation(chosen.index, positions)


def _degrees(width: int, lowest: int, length: int, num_masks: int, generator: torch.Generator) -> Tensor:
    """Degrees ``[width]`` from ``lowest`` to ``length - 2``: a unit that sees all positions but the last helps it."""
    span = max(1, length - 1 - lowest)
    if num_masks == 1:
        return lowest + torch.arange(width) * span // width
    return torch.randint(lowest, lowest + span, (width,), generator=generator)
